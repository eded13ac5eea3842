package dev.serai.issuing;

import static dev.serai.issuing.StockAgentConversationTest.refused;
import static dev.serai.issuing.StockAgentConversationTest.refusedWithDetails;
import static dev.serai.issuing.StockAgentConversationTest.token;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.serai.appraisal.AppraisalJson;
import dev.serai.appraisal.AppraisalRequest;
import dev.serai.appraisal.ChallengeStanding;
import dev.serai.appraisal.Rejected;
import dev.serai.appraisal.Verdict;
import dev.serai.net.RoleIdentities;
import dev.serai.net.RoleProofMessage;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.serai.v1.AttestationChallenge;
import dev.serai.proto.serai.v1.ListNodesRequest;
import dev.serai.proto.serai.v1.NodeGrpc;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.serai.v1.ReportRequest;
import dev.serai.proto.serai.v1.RoleProof;
import dev.serai.proto.serai.v1.ShowNodeRequest;
import dev.serai.proto.serai.v1.StateReason;
import dev.serai.proto.serai.v1.VerdictsGrpc;
import dev.serai.proto.serai.v1.WatchEvent;
import dev.serai.proto.serai.v1.WatchRequest;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.proto.spire.agent.v1.AttestAgentResponse;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.agent.v1.RenewAgentRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.entry.v1.GetAuthorizedEntriesRequest;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.PermissionDeniedDetails;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.reason.ReasonCode;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.signing.SignatureAlgorithm;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.testing.SeraiHarness;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.support.processor.DelegateAsyncProcessor;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A node with a TPM against the shipped routes; the verifier behind the hop is the test's own. */
class UnifiedIdentityTest {
  private static final TrustDomain DOMAIN = TrustDomain.parse("test.example");
  private static final String EK = "000b" + "11".repeat(32);

  /** What the verifier says; set by each test. */
  private static final AtomicReference<Function<AppraisalRequest, Verdict>> VERIFIER =
      new AtomicReference<>();

  /** The step that fails; empty for none. */
  private static final AtomicReference<String> FAILING = new AtomicReference<>("");

  private static SeraiHarness serai;
  private static ManagedChannel admin;
  private static ManagedChannel verifierRole;
  private final List<StockAgent> agents = new ArrayList<>();
  private final String nodeId = UUID.randomUUID().toString();
  private String ek = "000b" + UUID.randomUUID().toString().replace("-", "").repeat(2);

  /** The verifier's side of the hop. */
  private static final class FakeVerifier implements Role {
    @Override
    public String name() {
      return "fake-verifier";
    }

    @Override
    public void bind(RoleContext context) {
      context
          .camel()
          .getCamelContextExtension()
          .addInterceptStrategy(
              (camel, definition, target, next) ->
                  new DelegateAsyncProcessor(target) {
                    @Override
                    public boolean process(Exchange exchange, AsyncCallback callback) {
                      if (FAILING.get().equals(definition.getId())) {
                        exchange.setException(new IllegalStateException("planted"));
                        callback.done(true);
                        return true;
                      }
                      return super.process(exchange, callback);
                    }
                  });
      try {
        context
            .camel()
            .addRoutes(
                new RouteBuilder() {
                  @Override
                  public void configure() {
                    from("direct:fake-appraise")
                        .routeId("fake-appraise")
                        .process(
                            e ->
                                e.getMessage()
                                    .setBody(
                                        VERIFIER
                                            .get()
                                            .apply(
                                                e.getMessage()
                                                    .getMandatoryBody(AppraisalRequest.class))));
                  }
                });
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }

  @BeforeAll
  static void start() {
    serai =
        SeraiHarness.roles("issuer")
            .with("serai.issuer.limit.attest", "1000")
            .with("serai.issuer.limit.attest-burst", "1000")
            .with("serai.hop.appraise", "direct:fake-appraise")
            .withRole(new FakeVerifier())
            .start();
    admin = SpiffeChannels.unix(Path.of(serai.setting("serai.issuer.admin-socket")));
    verifierRole =
        SpiffeChannels.tls(
            "127.0.0.1",
            serai.port("serai.issuer.port"),
            serai.bean("roleIdentities", RoleIdentities.class).forRole("verifier"),
            DOMAIN.withPath("/spire/server"));
  }

  private static final List<String> STEPS =
      List.of(
          "attest-agent/authorize-attest-agent",
          "attest-agent/read-attestation-message",
          "attest-agent/challenge-node",
          "attest-agent/to-attest-node",
          "attest-node/consume-nonce",
          "attest-node/to-appraise",
          "attest-node/issue-agent-svid",
          "attest-node/to-admit-node",
          "admit-node/record-node",
          "admit-node/answer-attestation");

  @AfterAll
  static void stop() {
    admin.shutdownNow();
    verifierRole.shutdownNow();
    serai.close();
  }

  @AfterEach
  void closeAgents() {
    FAILING.set("");
    agents.forEach(StockAgent::close);
  }

  private StockAgent newAgent() {
    StockAgent agent =
        new StockAgent(
            DOMAIN, serai.port("serai.issuer.port"), serai.stateDir().resolve("bundle.pem"));
    agents.add(agent);
    return agent;
  }

  /** As the real one: nothing is trusted without a fresh nonce. */
  private Verdict judged(AppraisalRequest request, String asNode, Bytes appKeyInfo) {
    if (request.standing().refusal().isPresent()) {
      return new Rejected(asNode, request.standing().refusal().get(), "the nonce");
    }
    String json =
        """
        {"trusted":true,"node_id":"%s","ek_name":"%s","ak_name":"%s",
         "app_key":{"tpm_public":"","subject_public_key_info":"%s"},
         "clock":{"clock_ms":1,"reset_count":1,"restart_count":1,"safe":true},
         "firmware_version":"1","pcrs":{},"policy":"test","baseline":{"recorded":{}}}
        """
            .formatted(asNode, ek, EK, appKeyInfo.toBase64());
    try {
      return AppraisalJson.readVerdict(json);
    } catch (MalformedStructureException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Bytes keyInfo(StockAgent agent) {
    return Bytes.copyOf(agent.key.getPublic().getEncoded());
  }

  private static AttestAgentRequest evidence(String nonceHex) {
    return AttestAgentRequest.newBuilder()
        .setChallengeResponse(
            SovereignAttestation.newBuilder().setChallengeNonce(nonceHex).build().toByteString())
        .build();
  }

  private static AttestationChallenge challenge(AttestAgentResponse response) throws Exception {
    return AttestationChallenge.parseFrom(response.getChallenge());
  }

  private static String hex(ByteString bytes) {
    return Bytes.copyOf(bytes.toByteArray()).toHex();
  }

  private AttestAgentRequest hello(StockAgent agent, String asNode) {
    return StockAgent.params("unified_identity", asNode, StockAgent.csr(agent.key));
  }

  private AttestAgentResponse.Result attest(StockAgent agent, String asNode) throws Throwable {
    StockAgent.Conversation stream = agent.converse().say(hello(agent, asNode));
    String nonce = hex(challenge(stream.hear()).getNonce());
    AttestAgentResponse.Result result = stream.say(evidence(nonce)).hear().getResult();
    agent.svid = result.getSvid();
    return result;
  }

  private StockAgent attested() throws Throwable {
    StockAgent agent = newAgent();
    VERIFIER.set(request -> judged(request, nodeId, keyInfo(agent)));
    attest(agent, nodeId);
    return agent;
  }

  private ThrowingCallable callAs(StockAgent agent) {
    ManagedChannel channel = agent.authenticated();
    return () ->
        EntryGrpc.newBlockingStub(channel)
            .getAuthorizedEntries(GetAuthorizedEntriesRequest.getDefaultInstance());
  }

  private NodeView show() {
    return NodesGrpc.newBlockingStub(admin)
        .show(ShowNodeRequest.newBuilder().setId(nodeId).build());
  }

  private void report(String state, Instant at, StateReason... reasons) {
    VerdictsGrpc.newBlockingStub(verifierRole)
        .report(
            ReportRequest.newBuilder()
                .setNodeId(nodeId)
                .setState(state)
                .setAt(at.toEpochMilli())
                .addAllReasons(List.of(reasons))
                .build());
  }

  private static StateReason pcrReason() {
    return StateReason.newBuilder()
        .setCode(ReasonCode.PCR_VALUE_NOT_ALLOWED.name())
        .setDetail("sha256:7")
        .build();
  }

  @Test
  void a_trusted_node_gets_the_identity_that_was_proven() throws Throwable {
    StockAgent agent = newAgent();
    VERIFIER.set(request -> judged(request, nodeId, keyInfo(agent)));
    StockAgent.Conversation stream = agent.converse().say(hello(agent, nodeId));
    AttestationChallenge challenge = challenge(stream.hear());
    assertThat(challenge.getNonce().size()).isEqualTo(32);
    assertThat(challenge.getBanks(0).getBank()).isEqualTo("sha256");
    assertThat(challenge.getBanks(0).getPcrsList()).contains(0, 7);
    assertThat(Instant.ofEpochMilli(challenge.getExpiresAtMs()))
        .isBefore(Instant.now().plusSeconds(61));
    AttestAgentResponse.Result result =
        stream.say(evidence(hex(challenge.getNonce()))).hear().getResult();
    assertThat(result.getReattestable()).isTrue();
    assertThat(result.getSvid().getId().getPath())
        .isEqualTo("/spire/agent/unified_identity/" + nodeId);
    agent.svid = result.getSvid();
    callAs(agent).call();
    NodeView view = show();
    assertThat(view.getState()).isEqualTo("TRUSTED");
    assertThat(view.getEkName()).isEqualTo(ek);
    assertThat(Instant.ofEpochMilli(view.getLastVerdictAt()))
        .isAfter(Instant.now().minusSeconds(60));
    assertThat(view.getAttestationType()).isEqualTo("unified_identity");
    assertThat(
            NodesGrpc.newBlockingStub(admin)
                .list(ListNodesRequest.getDefaultInstance())
                .getNodesList())
        .contains(view);
  }

  /** Its payload is always this word; the node is named in field 2 of the parameters. */
  private AttestAgentRequest helloOfThePrototype(StockAgent agent, String asNode) {
    AttestAgentRequest.Builder hello = hello(agent, "unified_identity").toBuilder();
    hello
        .getParamsBuilder()
        .getParamsBuilder()
        .setSovereignAttestation(
            SovereignAttestation.newBuilder()
                .setKeylimeAgentUuid(asNode)
                .setChallengeNonce("00".repeat(32))
                .setAppKeyPublic("stub"));
    return hello.build();
  }

  @Test
  void f09_the_prototype_s_agent_is_challenged_as_the_node_that_its_evidence_names()
      throws Throwable {
    StockAgent agent = newAgent();
    VERIFIER.set(request -> judged(request, nodeId, keyInfo(agent)));
    StockAgent.Conversation stream = agent.converse().say(helloOfThePrototype(agent, nodeId));
    AttestAgentResponse first = stream.hear();
    assertThat(first.hasResult()).isFalse(); // a nonce of its own proves nothing
    String nonce = hex(challenge(first).getNonce());
    assertThat(stream.say(evidence(nonce)).hear().getResult().getSvid().getId().getPath())
        .isEqualTo("/spire/agent/unified_identity/" + nodeId);
    for (String nobody : new String[] {"", "../x", "x".repeat(2000)}) {
      refused(
          () -> agent.converse().say(helloOfThePrototype(agent, nobody)).hear(),
          Status.Code.INVALID_ARGUMENT,
          ReasonCode.MALFORMED_REQUEST);
    }
  }

  @Test
  void a_node_with_a_tpm_renews_by_attesting() throws Throwable {
    StockAgent agent = attested();
    ManagedChannel channel = agent.authenticated();
    refusedWithDetails(
        () -> AgentGrpc.newBlockingStub(channel).renewAgent(RenewAgentRequest.getDefaultInstance()),
        ReasonCode.NODE_MUST_REATTEST,
        PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST);
    attest(agent, nodeId);
    callAs(agent).call();
    refusedWithDetails(
        () ->
            EntryGrpc.newBlockingStub(channel)
                .getAuthorizedEntries(GetAuthorizedEntriesRequest.getDefaultInstance()),
        ReasonCode.NODE_NOT_ACTIVE,
        PermissionDeniedDetails.Reason.AGENT_NOT_ACTIVE);
  }

  @ParameterizedTest
  @EnumSource(names = {"MISSING", "UNKNOWN", "FOREIGN", "USED"})
  void a_nonce_that_is_not_fresh_gives_no_identity(ChallengeStanding standing) throws Throwable {
    StockAgent agent = newAgent();
    VERIFIER.set(request -> judged(request, nodeId, keyInfo(agent)));
    StockAgent.Conversation stream = agent.converse().say(hello(agent, nodeId));
    String own = hex(challenge(stream.hear()).getNonce());
    StockAgent.Conversation other = agent.converse().say(hello(agent, nodeId));
    String foreign = hex(challenge(other.hear()).getNonce());
    String shown =
        switch (standing) {
          case MISSING -> "";
          case UNKNOWN -> "00".repeat(32);
          case FOREIGN -> foreign;
          default -> {
            // used up by an answer on another stream
            StockAgent.Conversation third = agent.converse().say(hello(agent, nodeId));
            third.hear();
            assertThatThrownBy(() -> third.say(evidence(own)).hear())
                .isInstanceOf(StatusRuntimeException.class);
            yield own;
          }
        };
    refused(
        () -> stream.say(evidence(shown)).hear(),
        Status.Code.PERMISSION_DENIED,
        standing.refusal().orElseThrow());
  }

  @Test
  void there_is_one_answer_to_a_challenge() throws Throwable {
    StockAgent agent = newAgent();
    VERIFIER.set(request -> new Rejected(nodeId, ReasonCode.SIGNATURE_INVALID, "no"));
    refused(
        () -> {
          StockAgent.Conversation stream = agent.converse().say(hello(agent, nodeId));
          stream.hear();
          stream.say(evidence("")).hear();
        },
        Status.Code.PERMISSION_DENIED,
        ReasonCode.SIGNATURE_INVALID);
    assertThatThrownBy(this::show).isInstanceOf(StatusRuntimeException.class);
  }

  @Test
  void trust_in_another_node_or_another_key_is_no_trust_in_this_one() throws Throwable {
    StockAgent agent = newAgent();
    VERIFIER.set(request -> judged(request, "another-node", keyInfo(agent)));
    refused(
        () -> attest(agent, nodeId), Status.Code.PERMISSION_DENIED, ReasonCode.EVIDENCE_MALFORMED);
    VERIFIER.set(
        request ->
            judged(request, nodeId, Bytes.copyOf(StockAgent.newKey().getPublic().getEncoded())));
    refused(() -> attest(agent, nodeId), Status.Code.PERMISSION_DENIED, ReasonCode.CSR_OTHER_KEY);
  }

  @Test
  void a_rejected_node_is_refused_at_once_and_comes_back_by_attesting() throws Throwable {
    StockAgent agent = attested();
    BlockingQueue<Object> heard = new LinkedBlockingQueue<>();
    NodeGrpc.newStub(agent.authenticated())
        .watch(
            WatchRequest.getDefaultInstance(),
            new StreamObserver<>() {
              @Override
              public void onNext(WatchEvent event) {
                heard.add(event);
              }

              @Override
              public void onError(Throwable failure) {
                heard.add(failure);
              }

              @Override
              public void onCompleted() {
                heard.add("done");
              }
            });
    assertThat(heard.poll(60, TimeUnit.SECONDS)).isInstanceOf(WatchEvent.class);
    report("UNTRUSTED", Instant.now(), pcrReason());
    Object end = heard.poll(60, TimeUnit.SECONDS);
    refusedWithDetails(
        () -> {
          throw (Throwable) end;
        },
        ReasonCode.NODE_UNTRUSTED,
        PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST);
    refusedWithDetails(
        callAs(agent),
        ReasonCode.NODE_UNTRUSTED,
        PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST);
    assertThat(show().getState()).isEqualTo("UNTRUSTED");
    assertThat(show().getReasons(0)).isEqualTo(pcrReason());
    attest(agent, nodeId);
    callAs(agent).call();
    assertThat(show().getState()).isEqualTo("TRUSTED");
  }

  private String entry() {
    Entry.Builder entry =
        Entry.newBuilder()
            .setSpiffeId(RegisteredEntry.message(DOMAIN.withPath("/of/" + nodeId)))
            .setParentId(
                RegisteredEntry.message(
                    DOMAIN.withPath("/spire/agent/unified_identity/" + nodeId)));
    entry.addSelectorsBuilder().setType("unix").setValue("uid:1");
    return EntryGrpc.newBlockingStub(admin)
        .batchCreateEntry(BatchCreateEntryRequest.newBuilder().addEntries(entry).build())
        .getResults(0)
        .getEntry()
        .getId();
  }

  @Test
  void a_rejected_node_gets_no_more_tokens_until_it_has_attested_again() throws Throwable {
    StockAgent agent = attested();
    String entry = entry();
    ManagedChannel before = agent.authenticated();
    assertThat(token(before, entry, "a").getToken()).isNotEmpty();
    report("UNTRUSTED", Instant.now(), pcrReason());
    refusedWithDetails(
        () -> token(before, entry, "a"),
        ReasonCode.NODE_UNTRUSTED,
        PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST);
    attest(agent, nodeId);
    report("UNREACHABLE", Instant.now());
    refusedWithDetails(
        () -> token(agent.authenticated(), entry, "a"),
        ReasonCode.NODE_MUST_REATTEST,
        PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST);
    attest(agent, nodeId);
    assertThat(token(agent.authenticated(), entry, "a").getToken()).isNotEmpty();
    refusedWithDetails(
        () -> token(before, entry, "a"),
        ReasonCode.NODE_NOT_ACTIVE,
        PermissionDeniedDetails.Reason.AGENT_NOT_ACTIVE);
    NodesGrpc.newBlockingStub(admin).evict(ShowNodeRequest.newBuilder().setId(nodeId).build());
    refusedWithDetails(
        () -> token(agent.authenticated(), entry, "a"),
        ReasonCode.NODE_NOT_ATTESTED,
        PermissionDeniedDetails.Reason.AGENT_NOT_ATTESTED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"authorize-issue-jwt-svid", "sign-jwt-svid"})
  void a_step_that_throws_gives_no_token(String step) throws Throwable {
    StockAgent agent = attested();
    String entry = entry();
    FAILING.set(step);
    refused(
        () -> token(agent.authenticated(), entry, "a"),
        Status.Code.INTERNAL,
        ReasonCode.INTERNAL_ERROR);
    FAILING.set("");
    assertThat(token(agent.authenticated(), entry, "a").getToken()).isNotEmpty();
  }

  @Test
  void a_node_without_proof_for_too_long_has_to_attest_again() throws Throwable {
    StockAgent agent = attested();
    report("UNREACHABLE", Instant.now());
    refusedWithDetails(
        callAs(agent),
        ReasonCode.NODE_MUST_REATTEST,
        PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST);
    assertThat(show().getState()).isEqualTo("UNREACHABLE");
    attest(agent, nodeId);
    callAs(agent).call();
  }

  @Test
  void a_rejection_counts_however_late_it_comes_and_older_trust_does_not_undo_it()
      throws Throwable {
    StockAgent agent = attested();
    report("TRUSTED", Instant.now());
    report("UNTRUSTED", Instant.now().minusSeconds(60), pcrReason());
    refusedWithDetails(
        callAs(agent),
        ReasonCode.NODE_UNTRUSTED,
        PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST);
    report("TRUSTED", Instant.now().minusSeconds(30));
    assertThat(show().getState()).isEqualTo("UNTRUSTED");
    attest(agent, nodeId);
    callAs(agent).call();
  }

  @Test
  void a_rejection_that_comes_while_the_node_attests_is_the_newer_word() throws Throwable {
    StockAgent agent = attested();
    VERIFIER.set(
        request -> {
          report("UNTRUSTED", Instant.now(), pcrReason());
          return judged(request, nodeId, keyInfo(agent));
        });
    refused(
        () -> attest(agent, nodeId), Status.Code.PERMISSION_DENIED, ReasonCode.NODE_MUST_REATTEST);
    assertThat(show().getState()).isEqualTo("UNTRUSTED");
    VERIFIER.set(request -> judged(request, nodeId, keyInfo(agent)));
    attest(agent, nodeId);
    callAs(agent).call();
  }

  @Test
  void a_rejection_counts_although_the_verifier_s_clock_is_behind() throws Throwable {
    StockAgent agent = attested();
    report("UNTRUSTED", Instant.now().minusSeconds(60), pcrReason());
    refusedWithDetails(
        callAs(agent),
        ReasonCode.NODE_UNTRUSTED,
        PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST);
  }

  @ParameterizedTest
  @CsvSource({"'',TRUSTED,''", "node,PERHAPS,''", "node,UNTRUSTED,NO_SUCH_REASON"})
  void a_report_that_cannot_be_read_is_refused(String node, String state, String reason) {
    ReportRequest.Builder request =
        ReportRequest.newBuilder().setNodeId(node).setState(state).setAt(1);
    if (!reason.isEmpty()) {
      request.addReasonsBuilder().setCode(reason);
    }
    refused(
        () -> VerdictsGrpc.newBlockingStub(verifierRole).report(request.build()),
        Status.Code.INVALID_ARGUMENT,
        ReasonCode.MALFORMED_REQUEST);
  }

  @Test
  void the_verifier_may_report_and_nothing_else() {
    refused(
        () ->
            EntryGrpc.newBlockingStub(verifierRole)
                .getAuthorizedEntries(GetAuthorizedEntriesRequest.getDefaultInstance()),
        Status.Code.PERMISSION_DENIED,
        ReasonCode.CALLER_NOT_ALLOWED);
  }

  @Test
  void a_ban_is_on_the_tpm_whatever_node_id_it_comes_back_with() throws Throwable {
    StockAgent agent = attested();
    NodesGrpc.NodesBlockingStub nodes = NodesGrpc.newBlockingStub(admin);
    ShowNodeRequest byId = ShowNodeRequest.newBuilder().setId(nodeId).build();
    assertThat(nodes.ban(byId).getState()).isEqualTo("BANNED");
    refusedWithDetails(
        callAs(agent), ReasonCode.NODE_BANNED, PermissionDeniedDetails.Reason.AGENT_BANNED);

    String otherId = UUID.randomUUID().toString();
    VERIFIER.set(request -> judged(request, otherId, keyInfo(agent)));
    refusedWithDetails(
        () -> attest(agent, otherId),
        ReasonCode.NODE_BANNED,
        PermissionDeniedDetails.Reason.AGENT_BANNED);
    nodes.evict(byId);
    VERIFIER.set(request -> judged(request, nodeId, keyInfo(agent)));
    refusedWithDetails(
        () -> attest(agent, nodeId),
        ReasonCode.NODE_BANNED,
        PermissionDeniedDetails.Reason.AGENT_BANNED);
  }

  @Test
  void an_unbanned_node_may_come_back() throws Throwable {
    StockAgent agent = attested();
    NodesGrpc.NodesBlockingStub nodes = NodesGrpc.newBlockingStub(admin);
    ShowNodeRequest byId = ShowNodeRequest.newBuilder().setId(nodeId).build();
    nodes.ban(byId);
    nodes.unban(byId);
    attest(agent, nodeId);
    callAs(agent).call();
  }

  @Test
  void an_evicted_node_attests_again() throws Throwable {
    StockAgent agent = attested();
    NodesGrpc.newBlockingStub(admin).evict(ShowNodeRequest.newBuilder().setId(nodeId).build());
    refusedWithDetails(
        callAs(agent),
        ReasonCode.NODE_NOT_ATTESTED,
        PermissionDeniedDetails.Reason.AGENT_NOT_ATTESTED);
    attest(agent, nodeId);
    callAs(agent).call();
  }

  static List<String> a_step_that_throws_refuses() {
    return STEPS;
  }

  @ParameterizedTest
  @MethodSource
  void a_step_that_throws_refuses(String routeAndStep) {
    FAILING.set(routeAndStep.split("/")[1]);
    StockAgent agent = newAgent();
    VERIFIER.set(request -> judged(request, nodeId, keyInfo(agent)));
    refused(() -> attest(agent, nodeId), Status.Code.INTERNAL, ReasonCode.INTERNAL_ERROR);
    assertThat(agent.svid).isNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "read-attestation-message",
        "challenge-node",
        "to-admit-role",
        "check-role-proof",
        "record-role",
        "answer-role"
      })
  void a_step_that_throws_lets_no_role_process_back(String step) throws Throwable {
    StockAgent process = newAgent().attestByToken(roleToken());
    AttestAgentRequest hello =
        StockAgent.params("serai_role", roleId(process), StockAgent.csr(StockAgent.newKey()));
    FAILING.set(step);
    refused(
        () -> {
          StockAgent.Conversation stream = process.converse().say(hello);
          stream.say(roleProof(process, hello, stream.hear())).hear();
        },
        Status.Code.INTERNAL,
        ReasonCode.INTERNAL_ERROR);
    FAILING.set("");
    callAs(process).call(); // what it has is as good as before
    StockAgent.Conversation stream = process.converse().say(hello);
    assertThat(stream.say(roleProof(process, hello, stream.hear())).hear().hasResult()).isTrue();
  }

  private static String roleToken() {
    return AgentGrpc.newBlockingStub(admin)
        .createJoinToken(
            CreateJoinTokenRequest.newBuilder()
                .setTtl(600)
                .setAgentId(
                    SPIFFEID.newBuilder().setTrustDomain(DOMAIN.name()).setPath("/serai/verifier"))
                .build())
        .getValue();
  }

  private static String roleId(StockAgent process) {
    return DOMAIN.withPath(process.svid.getId().getPath()).toString();
  }

  private static AttestAgentRequest roleProof(
      StockAgent process, AttestAgentRequest hello, AttestAgentResponse first) throws Exception {
    ByteString nonce = challenge(first).getNonce();
    Bytes message =
        RoleProofMessage.of(
            SpiffeId.parse(roleId(process)),
            Bytes.copyOf(nonce.toByteArray()),
            Bytes.copyOf(hello.getParams().getParams().getCsr().toByteArray()));
    return AttestAgentRequest.newBuilder()
        .setChallengeResponse(
            RoleProof.newBuilder()
                .setNonce(nonce)
                .setPublicKey(ByteString.copyFrom(keyInfo(process).toArray()))
                .setSignature(
                    ByteString.copyFrom(
                        Signatures.fastest()
                            .signer(process.key.getPrivate())
                            .sign(SignatureAlgorithm.ECDSA_SHA256_DER, message)
                            .toArray()))
                .build()
                .toByteString())
        .build();
  }

  @Test
  void a_verifier_that_says_nothing_gives_no_identity() {
    StockAgent agent = newAgent();
    VERIFIER.set(request -> null);
    refused(() -> attest(agent, nodeId), Status.Code.INTERNAL, ReasonCode.INTERNAL_ERROR);
    assertThat(agent.svid).isNull();
  }
}
