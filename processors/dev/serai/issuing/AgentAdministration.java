package dev.serai.issuing;

import com.google.protobuf.Empty;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.proto.spire.agent.v1.BanAgentRequest;
import dev.serai.proto.spire.agent.v1.CountAgentsRequest;
import dev.serai.proto.spire.agent.v1.CountAgentsResponse;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.agent.v1.DeleteAgentRequest;
import dev.serai.proto.spire.agent.v1.GetAgentRequest;
import dev.serai.proto.spire.agent.v1.ListAgentsRequest;
import dev.serai.proto.spire.agent.v1.ListAgentsResponse;
import dev.serai.proto.spire.types.Agent;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.JoinToken;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.InvalidSpiffeIdException;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeSet;

/** Attested nodes as administrators see them, by the SPIRE API. */
final class AgentAdministration {
  private static final int MAX_PAGE = 1_000;
  private static final DateTimeFormatter GO_TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss XX x", Locale.ROOT);

  private final TrustDomain trustDomain;
  private final NodeStore nodes;
  private final JoinTokens tokens;
  private final EntryStore entries;
  private final EntryRules rules;

  AgentAdministration(
      TrustDomain trustDomain, NodeStore nodes, JoinTokens tokens, EntryStore entries) {
    this.trustDomain = trustDomain;
    this.nodes = nodes;
    this.tokens = tokens;
    this.entries = entries;
    this.rules = new EntryRules(trustDomain);
  }

  CountAgentsResponse count(Caller.Local caller, CountAgentsRequest request) {
    ListAgentsRequest.Filter filter;
    try {
      filter = ListAgentsRequest.Filter.parseFrom(request.getFilter().toByteString());
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the filters of count and list differ", e);
    }
    long count = nodes.all().stream().filter(node -> matches(filter, node)).count();
    return CountAgentsResponse.newBuilder().setCount((int) count).build();
  }

  ListAgentsResponse list(Caller.Local caller, ListAgentsRequest request) {
    if (request.getPageSize() < 0) {
      throw malformed("page size is negative");
    }
    int page =
        request.getPageSize() == 0 ? Integer.MAX_VALUE : Math.min(request.getPageSize(), MAX_PAGE);
    Iterable<AttestedNode> from =
        request.getPageToken().isEmpty() ? nodes.all() : nodes.after(parse(request.getPageToken()));
    ListAgentsResponse.Builder response = ListAgentsResponse.newBuilder();
    String last = "";
    for (AttestedNode node : from) {
      if (!matches(request.getFilter(), node)) {
        continue;
      }
      if (response.getAgentsCount() == page) {
        return response.setNextPageToken(last).build();
      }
      response.addAgents(
          FieldMasks.masked(message(node), request.hasOutputMask(), request.getOutputMask()));
      last = node.id().toString();
    }
    return response.build();
  }

  Agent get(Caller.Local caller, GetAgentRequest request) {
    AttestedNode node = nodes.find(agentId(request.getId())).orElseThrow(this::unknown);
    return FieldMasks.masked(message(node), request.hasOutputMask(), request.getOutputMask());
  }

  /** Forgets the agent; it may attest again unless its TPM is banned. */
  Empty delete(Caller.Local caller, DeleteAgentRequest request) {
    evict(agentId(request.getId()));
    return Empty.getDefaultInstance();
  }

  /** Together with the entry that its join token came with. */
  void evict(SpiffeId id) {
    if (!nodes.delete(id)) {
      throw unknown();
    }
    if (id.path().startsWith("/spire/agent/" + AttestationOpening.JOIN_TOKEN + "/")) {
      entries.index().all().stream()
          .filter(entry -> entry.parentId().equals(id))
          .filter(entry -> entry.selectors().contains(new Selector("spiffe_id", id.toString())))
          .map(RegisteredEntry::id)
          .toList()
          .forEach(entries::delete);
    }
  }

  Empty ban(Caller.Local caller, BanAgentRequest request) {
    ban(agentId(request.getId()));
    return Empty.getDefaultInstance();
  }

  /** The node, and its TPM under whatever name it comes back. */
  void ban(SpiffeId id) {
    AttestedNode node =
        nodes
            .change(
                id,
                before -> before.withBanned(true),
                AuditEvent.of(AuditKind.NODE_BANNED, id.toString()))
            .orElseThrow(this::unknown);
    node.appraised().ifPresent(appraised -> nodes.banEk(appraised.ekName()));
  }

  JoinToken createJoinToken(Caller.Local caller, CreateJoinTokenRequest request) {
    Optional<SpiffeId> alias =
        request.hasAgentId() ? Optional.of(member(request.getAgentId())) : Optional.empty();
    JoinTokens.Token token =
        tokens.create(
            Optional.of(request.getToken()).filter(t -> !t.isEmpty()),
            Duration.ofSeconds(request.getTtl()));
    alias.ifPresent(id -> entries.create(entryFor(id, token.value())));
    return JoinToken.newBuilder()
        .setValue(token.value())
        .setExpiresAt(token.expiresAt().getEpochSecond())
        .build();
  }

  /** Gives the agent that comes with the token a second name, under which entries may hang. */
  private Entry entryFor(SpiffeId id, String token) {
    SpiffeId agent = trustDomain.withPath("/spire/agent/join_token/" + token);
    Entry.Builder entry =
        Entry.newBuilder()
            .setSpiffeId(RegisteredEntry.message(id))
            .setParentId(RegisteredEntry.message(agent));
    entry.addSelectorsBuilder().setType("spiffe_id").setValue(agent.toString());
    return entry.build();
  }

  private SpiffeId member(SPIFFEID message) {
    Entry.Builder probe =
        Entry.newBuilder()
            .setSpiffeId(message)
            .setParentId(RegisteredEntry.message(trustDomain.withPath("/spire/agent")));
    probe.addSelectorsBuilder().setType("spiffe_id").setValue("probe");
    try {
      return RegisteredEntry.id(rules.checked(probe.build()).getSpiffeId());
    } catch (RefusalException e) {
      throw malformed("invalid agent ID: " + e.reason().detail());
    }
  }

  private SpiffeId agentId(SPIFFEID message) {
    if (message.getTrustDomain().isEmpty()) {
      throw malformed("invalid agent ID: request must specify SPIFFE ID");
    }
    SpiffeId id;
    try {
      id = RegisteredEntry.id(message);
    } catch (InvalidSpiffeIdException e) {
      throw malformed("invalid agent ID: " + e.getMessage());
    }
    if (!id.isMemberOf(trustDomain) || !id.isAgent()) {
      throw malformed("invalid agent ID: \"" + id + "\" is not an agent of this trust domain");
    }
    return id;
  }

  private static SpiffeId parse(String pageToken) {
    try {
      return SpiffeId.parse(pageToken);
    } catch (InvalidSpiffeIdException e) {
      throw malformed("page token is not one of ours");
    }
  }

  private boolean matches(ListAgentsRequest.Filter filter, AttestedNode node) {
    if (!filter.getByAttestationType().isEmpty()
        && !filter.getByAttestationType().equals(node.attestationType())) {
      return false;
    }
    if (filter.hasBySelectorMatch()
        && !SetMatch.matches(filter.getBySelectorMatch(), node.selectors())) {
      return false;
    }
    if (filter.hasByBanned() && filter.getByBanned().getValue() != nodes.isBanned(node)) {
      return false;
    }
    if (filter.hasByCanReattest() && filter.getByCanReattest().getValue() != node.canReattest()) {
      return false;
    }
    return filter.getByExpiresBefore().isEmpty()
        || node.current().notAfter().isBefore(goTime(filter.getByExpiresBefore()));
  }

  private static Instant goTime(String text) {
    try {
      return OffsetDateTime.parse(text, GO_TIME).toInstant();
    } catch (DateTimeException e) {
      throw malformed("by_expires_before is not of the form 2006-01-02 15:04:05 -0700 -07");
    }
  }

  private Agent message(AttestedNode node) {
    Agent.Builder agent =
        Agent.newBuilder()
            .setId(RegisteredEntry.message(node.id()))
            .setAttestationType(node.attestationType())
            .setX509SvidSerialNumber(node.current().serial().toString())
            .setX509SvidExpiresAt(node.current().notAfter().getEpochSecond())
            .setBanned(nodes.isBanned(node))
            .setCanReattest(node.canReattest())
            .setAgentVersion(node.agentVersion());
    for (Selector selector : new TreeSet<>(node.selectors())) {
      agent.addSelectorsBuilder().setType(selector.type()).setValue(selector.value());
    }
    return agent.build();
  }

  private RefusalException unknown() {
    return new RefusalException(ReasonCode.NODE_UNKNOWN, "agent not found");
  }

  private static RefusalException malformed(String detail) {
    return new RefusalException(ReasonCode.MALFORMED_REQUEST, detail);
  }
}
