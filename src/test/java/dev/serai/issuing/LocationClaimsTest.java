package dev.serai.issuing;

import static dev.serai.issuing.StockAgentConversationTest.refused;
import static dev.serai.issuing.StockAgentConversationTest.token;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.serai.app.Reloads;
import dev.serai.appraisal.AppraisalJson;
import dev.serai.appraisal.AppraisalRequest;
import dev.serai.appraisal.Verdict;
import dev.serai.claims.Claims;
import dev.serai.claims.ClaimsExtension;
import dev.serai.location.Assurance;
import dev.serai.location.AttestedLocation;
import dev.serai.location.LocationReading;
import dev.serai.location.SignedWord;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.serai.v1.AttestationChallenge;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.proto.spire.agent.v1.AttestAgentResponse;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDRequest;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDResponse;
import dev.serai.proto.spire.svid.v1.NewX509SVIDParams;
import dev.serai.proto.spire.svid.v1.SVIDGrpc;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.JWTSVID;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.proto.spire.types.X509SVID;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.testing.SeraiHarness;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.apache.camel.builder.RouteBuilder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What certificates claim, against the shipped issuer; the verifier behind the hop is ours. */
class LocationClaimsTest {
  private static final TrustDomain DOMAIN = TrustDomain.parse("test.example");
  private static final String AK = "000b" + "11".repeat(32);
  private static final List<String> PERSONAL =
      List.of("356345043865103", "214070610960475", "34696810912", "40.41", "-3.71", "12d1:1433");

  private static final AtomicReference<Function<AppraisalRequest, Verdict>> VERIFIER =
      new AtomicReference<>();

  @TempDir static Path directory;
  private static Path rules;
  private static SeraiHarness serai;
  private static ManagedChannel admin;
  private final List<StockAgent> agents = new ArrayList<>();

  private static final class FakeVerifier implements Role {
    @Override
    public String name() {
      return "fake-verifier";
    }

    @Override
    public void bind(RoleContext context) {
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
  static void start() throws Exception {
    rules = directory.resolve("rules.json");
    Files.writeString(
        rules,
        """
        {"entries":[
          {"spiffe-id":"spiffe://test.example/pay/*","need":"required","regions":["madrid"],
           "minimum-assurance":"operator-verified"},
          {"spiffe-id":"spiffe://test.example/quiet","need":"forbidden"}]}
        """);
    serai =
        SeraiHarness.roles("issuer")
            .with("serai.issuer.limit.attest", "1000")
            .with("serai.issuer.limit.attest-burst", "1000")
            .with("serai.issuer.challenge-location", "true")
            .with("serai.issuer.location-rules", rules.toString())
            .with("serai.hop.appraise", "direct:fake-appraise")
            .withRole(new FakeVerifier())
            .start();
    admin = SpiffeChannels.unix(Path.of(serai.setting("serai.issuer.admin-socket")));
  }

  @AfterAll
  static void stop() {
    admin.shutdownNow();
    serai.close();
  }

  @AfterEach
  void closeAgents() {
    agents.forEach(StockAgent::close);
  }

  private static AttestedLocation location(String region, Instant until) {
    return new AttestedLocation(
        new LocationReading(
            LocationReading.MOBILE,
            "12d1:1433",
            Optional.of("356345043865103"),
            Optional.of("214070610960475"),
            Optional.of("tel:+34696810912"),
            Optional.empty(),
            Optional.of(new LocationReading.Position(40.41, -3.71, 7)),
            Instant.now(),
            "modem"),
        Optional.of(region),
        Assurance.OPERATOR_VERIFIED,
        until,
        Optional.of(new SignedWord("{\"at\":\"40.41\"}", "c2ln", "key-1")));
  }

  private static Instant inMinutes(int minutes) {
    return Instant.now().plus(Duration.ofMinutes(minutes)).truncatedTo(ChronoUnit.SECONDS);
  }

  private static Verdict trusted(
      String nodeId, StockAgent agent, Optional<AttestedLocation> location) {
    String json =
        """
        {"trusted":true,"node_id":"%s","ek_name":"%s","ak_name":"%s",
         "app_key":{"tpm_public":"","subject_public_key_info":"%s"},%s
         "clock":{"clock_ms":1,"reset_count":1,"restart_count":1,"safe":true},
         "firmware_version":"1","pcrs":{},"policy":"test","baseline":{"recorded":{}}}
        """
            .formatted(
                nodeId,
                "000b" + nodeId.replace("-", "").repeat(2),
                AK,
                Bytes.copyOf(agent.key.getPublic().getEncoded()).toBase64(),
                location.map(l -> "\"location\":" + AppraisalJson.write(l) + ",").orElse(""));
    try {
      return AppraisalJson.readVerdict(json);
    } catch (MalformedStructureException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A node that was appraised, with what the answer said of it. */
  private record Node(
      StockAgent agent, String type, String nodeId, AttestAgentResponse.Result result) {
    SpiffeId id() {
      return DOMAIN.withPath("/spire/agent/" + type + "/" + nodeId);
    }

    X509Certificate certificate() {
      return LocationClaimsTest.certificate(result.getSvid());
    }
  }

  private Node attested(Optional<AttestedLocation> location) throws Throwable {
    StockAgent agent =
        new StockAgent(
            DOMAIN, serai.port("serai.issuer.port"), serai.stateDir().resolve("bundle.pem"));
    agents.add(agent);
    String nodeId = UUID.randomUUID().toString();
    VERIFIER.set(request -> trusted(nodeId, agent, location));
    StockAgent.Conversation stream =
        agent
            .converse()
            .say(StockAgent.params("unified_identity", nodeId, StockAgent.csr(agent.key)));
    AttestationChallenge challenge = AttestationChallenge.parseFrom(stream.hear().getChallenge());
    assertThat(challenge.getLocationDemanded()).isTrue();
    AttestAgentResponse.Result result =
        stream
            .say(
                AttestAgentRequest.newBuilder()
                    .setChallengeResponse(
                        SovereignAttestation.newBuilder()
                            .setChallengeNonce(
                                Bytes.copyOf(challenge.getNonce().toByteArray()).toHex())
                            .build()
                            .toByteString())
                    .build())
            .hear()
            .getResult();
    agent.svid = result.getSvid();
    return new Node(agent, "unified_identity", nodeId, result);
  }

  private static X509Certificate certificate(X509SVID svid) {
    return Certificates.decode(Bytes.copyOf(svid.getCertChain(0).toByteArray()));
  }

  private static String entry(SpiffeId parent, String path) {
    return entry(admin, parent, path);
  }

  private static String entry(ManagedChannel socket, SpiffeId parent, String path) {
    Entry.Builder entry =
        Entry.newBuilder()
            .setSpiffeId(RegisteredEntry.message(DOMAIN.withPath(path)))
            .setParentId(RegisteredEntry.message(parent));
    entry.addSelectorsBuilder().setType("unix").setValue("uid:1");
    return EntryGrpc.newBlockingStub(socket)
        .batchCreateEntry(BatchCreateEntryRequest.newBuilder().addEntries(entry).build())
        .getResults(0)
        .getEntry()
        .getId();
  }

  private static BatchNewX509SVIDResponse.Result issue(Node node, String path, KeyPair key) {
    String id = entry(node.id(), path);
    return SVIDGrpc.newBlockingStub(node.agent().authenticated())
        .batchNewX509SVID(
            BatchNewX509SVIDRequest.newBuilder()
                .addParams(
                    NewX509SVIDParams.newBuilder()
                        .setEntryId(id)
                        .setCsr(ByteString.copyFrom(StockAgent.csr(key).toArray()))
                        .setSovereignAttestation(
                            SovereignAttestation.newBuilder()
                                .setKeylimeAgentUuid("another-node")
                                .setTpmSignedAttestation("lies")))
                .build())
        .getResults(0);
  }

  private static BatchNewX509SVIDResponse.Result issue(Node node, String path) {
    return issue(node, path, StockAgent.newKey());
  }

  private static Claims claims(X509Certificate certificate) {
    assertThat(certificate.getCriticalExtensionOIDs()).doesNotContain(ClaimsExtension.OID);
    return ClaimsExtension.read(certificate).orElseThrow();
  }

  private static void holdsNothingPersonal(byte[] bytes) {
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    for (String word : PERSONAL) {
      assertThat(text).doesNotContain(word);
    }
  }

  @Test
  void an_agent_s_svid_claims_what_was_proven_and_ends_with_its_location() throws Throwable {
    Instant until = inMinutes(10);
    Node node = attested(Optional.of(location("madrid", until)));
    Claims claims = claims(node.certificate());
    assertThat(claims.workload().orElseThrow().workloadId()).isEqualTo(node.id().toString());
    assertThat(claims.workload().orElseThrow().keySource()).isEqualTo("tpm-app-key");
    assertThat(claims.tpmAttestation().orElseThrow().policy()).contains("test");
    Claims.Geolocation place = claims.geolocation().orElseThrow();
    assertThat(place.region()).contains("madrid");
    assertThat(place.assurance()).contains(Assurance.OPERATOR_VERIFIED);
    assertThat(place.validUntil()).contains(until);
    assertThat(place.device().orElseThrow()).hasSize(64);
    assertThat(claims.mnoEndorsement().orElseThrow().verified()).isTrue();
    assertThat(node.certificate().getNotAfter().toInstant()).isEqualTo(until);
    holdsNothingPersonal(node.certificate().getEncoded());
    holdsNothingPersonal(node.result().toByteArray());
    assertThat(node.result().getAttestedClaims(0).getGeolocation().getType()).isEqualTo("mobile");
    assertThat(node.result().getAttestedClaims(0).getGeolocation().getValue()).isEqualTo("madrid");
  }

  @Test
  void n40_a_workload_s_claims_are_those_of_its_own_node() throws Throwable {
    Instant until = inMinutes(10);
    Node madrid = attested(Optional.of(location("madrid", until)));
    Node paris = attested(Optional.of(location("paris", until)));
    Node nowhere = attested(Optional.empty());
    for (int round = 0; round < 3; round++) {
      BatchNewX509SVIDResponse.Result inMadrid = issue(madrid, "/web-" + UUID.randomUUID());
      BatchNewX509SVIDResponse.Result inParis = issue(paris, "/web-" + UUID.randomUUID());
      BatchNewX509SVIDResponse.Result inNone = issue(nowhere, "/web-" + UUID.randomUUID());
      assertThat(place(inMadrid)).contains("madrid");
      assertThat(place(inParis)).contains("paris");
      assertThat(place(inNone)).isEmpty();
      assertThat(inMadrid.getAttestedClaims(0).getGeolocation().getValue()).isEqualTo("madrid");
      assertThat(inNone.getAttestedClaimsList()).isEmpty();
      assertThat(certificate(inMadrid.getSvid()).getNotAfter().toInstant()).isEqualTo(until);
      assertThat(certificate(inNone.getSvid()).getNotAfter().toInstant()).isAfter(until);
      holdsNothingPersonal(inMadrid.toByteArray());
    }
    Claims claims = claims(certificate(issue(nowhere, "/plain").getSvid()));
    assertThat(claims.workload().orElseThrow().keySource()).isEqualTo("workload-key");
    assertThat(claims.tpmAttestation()).isPresent();
  }

  private static Optional<String> place(BatchNewX509SVIDResponse.Result result) {
    assertThat(result.getStatus().getCode()).isZero();
    return claims(certificate(result.getSvid())).geolocation().flatMap(Claims.Geolocation::region);
  }

  @Test
  void n26_an_entry_that_needs_a_location_is_issued_only_with_one_that_meets_its_rule()
      throws Throwable {
    Node madrid = attested(Optional.of(location("madrid", inMinutes(10))));
    Node paris = attested(Optional.of(location("paris", inMinutes(10))));
    Node nowhere = attested(Optional.empty());
    Node almostOver = attested(Optional.of(location("madrid", Instant.now().plusSeconds(90))));
    assertThat(place(issue(madrid, "/pay/desk"))).contains("madrid");
    assertThat(issue(paris, "/pay/desk").getStatus().getMessage())
        .startsWith(ReasonCode.LOCATION_OUTSIDE.name());
    BatchNewX509SVIDResponse.Result none = issue(nowhere, "/pay/desk");
    assertThat(none.getStatus().getCode()).isEqualTo(com.google.rpc.Code.PERMISSION_DENIED_VALUE);
    assertThat(none.getStatus().getMessage()).startsWith(ReasonCode.LOCATION_MISSING.name());
    assertThat(none.hasSvid()).isFalse();
    X509Certificate shortLived = certificate(issue(almostOver, "/pay/desk").getSvid());
    assertThat(shortLived.getNotAfter().toInstant()).isBefore(Instant.now().plusSeconds(91));
  }

  @Test
  void changed_rules_count_from_the_next_issue_on_and_a_bad_file_leaves_those_before()
      throws Throwable {
    Node madrid = attested(Optional.of(location("madrid", inMinutes(10))));
    String before = Files.readString(rules);
    try {
      Reloads reloads = new Reloads(serai);
      assertThat(reloads.reload().applied()).isEmpty();
      assertThat(place(issue(madrid, "/pay/desk"))).contains("madrid");

      Files.writeString(rules, before.replace("\"madrid\"", "\"paris\""));
      assertThat(place(issue(madrid, "/pay/till"))).as("not asked to reload").contains("madrid");
      assertThat(reloads.reload().applied()).containsExactly("location rules of entries: 2");
      assertThat(issue(madrid, "/pay/till").getStatus().getMessage())
          .startsWith(ReasonCode.LOCATION_OUTSIDE.name());

      Files.writeString(rules, before.replace("required", "perhaps"));
      Reloads.Outcome bad = reloads.reload();
      assertThat(bad.refused().map(Reason::code)).contains(ReasonCode.CONFIGURATION_INVALID);
      assertThat(bad.refused().orElseThrow().detail()).contains(rules.toString(), "need");
      Files.delete(rules);
      assertThat(reloads.reload().refused().map(Reason::code))
          .contains(ReasonCode.CONFIGURATION_INVALID);
      assertThat(issue(madrid, "/pay/till").getStatus().getMessage())
          .as("the rules before")
          .startsWith(ReasonCode.LOCATION_OUTSIDE.name());
    } finally {
      Files.writeString(rules, before);
      assertThat(new Reloads(serai).reload().refused()).isEmpty();
    }
    assertThat(place(issue(madrid, "/pay/till"))).contains("madrid");
  }

  @Test
  void n26_nor_is_a_token_and_none_outlives_the_location() throws Throwable {
    Node madrid = attested(Optional.of(location("madrid", inMinutes(10))));
    Node paris = attested(Optional.of(location("paris", inMinutes(10))));
    Node nowhere = attested(Optional.empty());
    Instant soon = Instant.now().plusSeconds(90);
    Node almostOver = attested(Optional.of(location("madrid", soon)));
    JWTSVID whole = token(madrid.agent().authenticated(), entry(madrid.id(), "/pay/desk"), "a");
    assertThat(whole.getExpiresAt() - whole.getIssuedAt()).isEqualTo(300);
    refused(
        () -> token(paris.agent().authenticated(), entry(paris.id(), "/pay/desk"), "a"),
        Status.Code.PERMISSION_DENIED,
        ReasonCode.LOCATION_OUTSIDE);
    refused(
        () -> token(nowhere.agent().authenticated(), entry(nowhere.id(), "/pay/desk"), "a"),
        Status.Code.PERMISSION_DENIED,
        ReasonCode.LOCATION_MISSING);
    for (String path : List.of("/pay/desk", "/any-token")) {
      JWTSVID cut = token(almostOver.agent().authenticated(), entry(almostOver.id(), path), "a");
      assertThat(cut.getExpiresAt()).as(path).isLessThanOrEqualTo(soon.getEpochSecond());
    }
  }

  @Test
  void an_entry_whose_rule_forbids_it_carries_no_location() throws Throwable {
    Node madrid = attested(Optional.of(location("madrid", inMinutes(10))));
    BatchNewX509SVIDResponse.Result quiet = issue(madrid, "/quiet");
    assertThat(place(quiet)).isEmpty();
    assertThat(quiet.getAttestedClaimsList()).isEmpty();
    assertThat(claims(certificate(quiet.getSvid())).mnoEndorsement()).isEmpty();
  }

  @Test
  void an_agent_of_a_join_token_and_its_workloads_carry_no_claims() throws Throwable {
    String token =
        AgentGrpc.newBlockingStub(admin)
            .createJoinToken(CreateJoinTokenRequest.newBuilder().setTtl(60).build())
            .getValue();
    StockAgent agent =
        new StockAgent(
            DOMAIN, serai.port("serai.issuer.port"), serai.stateDir().resolve("bundle.pem"));
    agents.add(agent);
    agent.attestByToken(token);
    assertThat(ClaimsExtension.read(certificate(agent.svid))).isEmpty();
    Node node =
        new Node(
            agent,
            "join_token",
            token,
            AttestAgentResponse.Result.newBuilder().setSvid(agent.svid).build());
    assertThat(ClaimsExtension.read(certificate(issue(node, "/plain").getSvid()))).isEmpty();
    assertThat(issue(node, "/pay/desk").getStatus().getMessage())
        .startsWith(ReasonCode.LOCATION_MISSING.name());
  }

  @Test
  void java_spiffe_takes_chain_and_key_with_the_claims_in() throws Throwable {
    Node madrid = attested(Optional.of(location("madrid", inMinutes(10))));
    KeyPair key = StockAgent.newKey();
    X509SVID svid = issue(madrid, "/java", key).getSvid();
    io.spiffe.svid.x509svid.X509Svid parsed =
        io.spiffe.svid.x509svid.X509Svid.parseRaw(
            svid.getCertChain(0).toByteArray(), key.getPrivate().getEncoded());
    assertThat(parsed.getSpiffeId().toString()).isEqualTo("spiffe://test.example/java");
    Set<X509Certificate> authorities = new HashSet<>(madrid.agent().bundle());
    io.spiffe.spiffeid.TrustDomain domain = io.spiffe.spiffeid.TrustDomain.parse("test.example");
    io.spiffe.svid.x509svid.X509SvidValidator.verifyChain(
        parsed.getChain(), new io.spiffe.bundle.x509bundle.X509Bundle(domain, authorities));
    assertThat(ClaimsExtension.read(parsed.getLeaf()).orElseThrow().geolocation()).isPresent();
  }

  @Test
  void without_the_feature_nobody_attests_by_tpm_and_nothing_is_claimed() throws Throwable {
    try (SeraiHarness plain =
        SeraiHarness.roles("issuer").with("serai.feature.unified-identity", "false").start()) {
      StockAgent agent =
          new StockAgent(
              DOMAIN, plain.port("serai.issuer.port"), plain.stateDir().resolve("bundle.pem"));
      agents.add(agent);
      refused(
          () ->
              agent
                  .converse()
                  .say(StockAgent.params("unified_identity", "n1", StockAgent.csr(agent.key)))
                  .hear(),
          Status.Code.FAILED_PRECONDITION,
          ReasonCode.FEATURE_OFF);
      ManagedChannel socket =
          SpiffeChannels.unix(Path.of(plain.setting("serai.issuer.admin-socket")));
      try {
        String token =
            AgentGrpc.newBlockingStub(socket)
                .createJoinToken(CreateJoinTokenRequest.newBuilder().setTtl(60).build())
                .getValue();
        agent.attestByToken(token);
        String entry = entry(socket, DOMAIN.withPath("/spire/agent/join_token/" + token), "/plain");
        assertThat(token(agent.authenticated(), entry, "a").getToken())
            .as("tokens are plain SPIFFE")
            .isNotEmpty();
      } finally {
        socket.shutdownNow();
      }
      assertThat(ClaimsExtension.read(certificate(agent.svid))).isEmpty();
    }
  }

  @Test
  void a_policy_that_needs_what_the_issuer_does_not_ask_for_is_a_start_up_error() throws Exception {
    Path policy = directory.resolve("needed.json");
    Files.writeString(
        policy,
        """
        {"name":"needed","pcrs":{"sha256":{"7":"recorded-at-enrolment"}},
         "location":{"default":{"need":"required"}}}
        """);
    assertThatThrownBy(
            () ->
                SeraiHarness.roles("issuer", "verifier")
                    .with("serai.verifier.policy", policy.toString())
                    .start())
        .hasStackTraceContaining(ReasonCode.CONFIGURATION_INVALID.name())
        .hasStackTraceContaining("serai.issuer.challenge-location");
  }
}
