package dev.serai.issuing;

import dev.serai.appraisal.EnrolledNodes;
import dev.serai.appraisal.NodeRecord;
import dev.serai.appraisal.NodeWatch;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.breaker.BreakerState;
import dev.serai.breaker.Breakers;
import dev.serai.claims.Claims;
import dev.serai.proto.serai.v1.ListNodesRequest;
import dev.serai.proto.serai.v1.ListNodesResponse;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.ShowNodeRequest;
import dev.serai.proto.serai.v1.StateReason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.InvalidSpiffeIdException;
import dev.serai.spiffe.SpiffeId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Nodes as administrators see them, from enrolment to ban: what this role knows, and what the
 * registrar and the verifier add when they share the process.
 */
final class NodeAdministration {
  private final NodeStore nodes;
  private final AgentAdministration agents;
  private final Supplier<Optional<EnrolledNodes>> enrolled;
  private final Supplier<Optional<NodeWatch>> watched;
  private final Breakers breakers;

  NodeAdministration(
      NodeStore nodes,
      AgentAdministration agents,
      Supplier<Optional<EnrolledNodes>> enrolled,
      Supplier<Optional<NodeWatch>> watched,
      Breakers breakers) {
    this.nodes = nodes;
    this.agents = agents;
    this.enrolled = enrolled;
    this.watched = watched;
    this.breakers = breakers;
  }

  /** One node by what is known of it; at least one of both is there. */
  private record Known(Optional<AttestedNode> attested, Optional<NodeRecord> record) {
    Optional<String> nodeId() {
      return attested
          .flatMap(AttestedNode::appraised)
          .map(AttestedNode.Appraised::nodeId)
          .or(() -> record.map(NodeRecord::nodeId));
    }

    Optional<String> ekName() {
      return attested
          .flatMap(AttestedNode::appraised)
          .map(AttestedNode.Appraised::ekName)
          .or(() -> record.map(r -> r.ek().name().toHex()));
    }

    Optional<String> akName() {
      return attested
          .flatMap(AttestedNode::appraised)
          .map(AttestedNode.Appraised::akName)
          .or(() -> record.map(r -> r.ak().name().toHex()));
    }
  }

  ListNodesResponse list(Caller.Local caller, ListNodesRequest request) {
    return ListNodesResponse.newBuilder().addAllNodes(all()).build();
  }

  /** Every node that any role of this process knows. */
  List<NodeView> all() {
    List<NodeView> views = new ArrayList<>();
    Set<String> shown = new HashSet<>();
    for (AttestedNode node : nodes.all()) {
      Known known = known(node);
      known.nodeId().ifPresent(shown::add);
      views.add(view(known));
    }
    for (NodeRecord record : enrolled.get().map(EnrolledNodes::all).orElse(List.of())) {
      if (shown.add(record.nodeId())) {
        views.add(view(new Known(Optional.empty(), Optional.of(record))));
      }
    }
    return views;
  }

  NodeView show(Caller.Local caller, ShowNodeRequest request) {
    return view(find(request.getId()));
  }

  NodeView ban(Caller.Local caller, ShowNodeRequest request) {
    Known node = find(request.getId());
    node.attested().ifPresent(attested -> agents.ban(attested.id()));
    node.ekName().ifPresent(nodes::banEk);
    return view(find(request.getId()));
  }

  NodeView unban(Caller.Local caller, ShowNodeRequest request) {
    Known node = find(request.getId());
    node.ekName().ifPresent(nodes::unbanEk);
    node.attested()
        .ifPresent(
            attested ->
                nodes.change(
                    attested.id(),
                    before -> before.withBanned(false),
                    AuditEvent.of(AuditKind.NODE_UNBANNED, attested.id().toString())));
    return view(find(request.getId()));
  }

  /** Forgets the attestation; the answer is the node as it was. */
  NodeView evict(Caller.Local caller, ShowNodeRequest request) {
    Known node = find(request.getId());
    agents.evict(
        node.attested()
            .orElseThrow(
                () -> new RefusalException(ReasonCode.NODE_NOT_ATTESTED, "node is not attested"))
            .id());
    return view(node);
  }

  private Known find(String id) {
    Optional<AttestedNode> attested = nodes.findByNodeId(id).or(() -> bySpiffeId(id));
    if (attested.isPresent()) {
      return known(attested.get());
    }
    Optional<NodeRecord> record = enrolled.get().flatMap(e -> e.byId(id));
    if (record.isEmpty()) {
      throw new RefusalException(ReasonCode.NODE_UNKNOWN, "no node has this id");
    }
    return new Known(Optional.empty(), record);
  }

  private Optional<AttestedNode> bySpiffeId(String id) {
    try {
      return nodes.find(SpiffeId.parse(id));
    } catch (InvalidSpiffeIdException e) {
      return Optional.empty();
    }
  }

  private Known known(AttestedNode node) {
    return new Known(
        Optional.of(node),
        node.appraised().flatMap(a -> enrolled.get().flatMap(e -> e.byId(a.nodeId()))));
  }

  private NodeView view(Known node) {
    NodeView.Builder view = NodeView.newBuilder();
    node.nodeId().ifPresent(view::setNodeId);
    node.ekName().ifPresent(view::setEkName);
    node.akName().ifPresent(view::setAkName);
    node.attested()
        .ifPresent(
            attested ->
                view.setSpiffeId(attested.id().toString())
                    .setAttestationType(attested.attestationType())
                    .setSvidExpiresAt(attested.latest().notAfter().toEpochMilli()));
    Optional<NodeStanding> standing = node.nodeId().flatMap(nodes::standing);
    Instant reported = standing.map(NodeStanding::at).orElse(Instant.EPOCH);
    Instant attestedAt =
        node.attested()
            .filter(attested -> attested.appraised().isPresent())
            .map(AttestedNode::attestedAt)
            .orElse(Instant.EPOCH);
    view.setLastVerdictAt((reported.isAfter(attestedAt) ? reported : attestedAt).toEpochMilli());
    standing.ifPresent(
        s ->
            s.reasons()
                .forEach(
                    reason ->
                        view.addReasons(
                            StateReason.newBuilder()
                                .setCode(reason.code().name())
                                .setDetail(reason.detail()))));
    node.nodeId()
        .flatMap(id -> watched.get().flatMap(w -> w.byId(id)))
        .ifPresent(
            w ->
                view.setBreaker(w.breaker())
                    .putAllPcrs(w.pcrs())
                    .setLastVerdictAt(
                        Math.max(view.getLastVerdictAt(), w.provenAt().toEpochMilli())));
    node.nodeId()
        .flatMap(id -> breakers.find(Breakers.Kind.NODE, id))
        .ifPresent(breaker -> addBreaker(breaker, view));
    node.attested()
        .flatMap(AttestedNode::claims)
        .flatMap(Claims::geolocation)
        .ifPresent(place -> addLocation(place, view));
    return view.setState(state(node, standing)).build();
  }

  /** What certificates say of it, and no more. */
  private static void addLocation(Claims.Geolocation place, NodeView.Builder view) {
    place.region().ifPresent(view::setLocationRegion);
    place.assurance().ifPresent(assurance -> view.setLocationAssurance(assurance.word()));
    place.locatedAt().ifPresent(at -> view.setLocatedAt(at.toEpochMilli()));
    place.validUntil().ifPresent(until -> view.setLocationValidUntil(until.toEpochMilli()));
  }

  private static void addBreaker(BreakerState breaker, NodeView.Builder view) {
    view.setBreaker(breaker.state().name())
        .setBreakerSince(breaker.since().toEpochMilli())
        .setBreakerFailures(breaker.failures())
        .setBreakerNextTry(breaker.nextTry().map(Instant::toEpochMilli).orElse(0L))
        .setBreakerTrouble(breaker.trouble());
  }

  private String state(Known node, Optional<NodeStanding> standing) {
    boolean banned =
        node.ekName().filter(nodes::isEkBanned).isPresent()
            || node.attested().filter(nodes::isBanned).isPresent();
    if (banned) {
      return "BANNED";
    }
    if (standing.isPresent()) {
      return standing.get().state().name();
    }
    return node.attested().isPresent()
        ? "ATTESTED" // by a join token: nothing was appraised
        : node.record().map(r -> r.standing().name()).orElse("REGISTERED");
  }
}
