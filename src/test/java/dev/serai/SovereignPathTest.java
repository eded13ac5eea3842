package dev.serai;

import static dev.serai.SovereignSite.IMEI;
import static dev.serai.SovereignSite.IMSI;
import static dev.serai.SovereignSite.MSISDN;
import static dev.serai.SovereignSite.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.core.AppenderBase;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.agent.AgentEvent;
import dev.serai.app.Reloads;
import dev.serai.claims.Claims;
import dev.serai.claims.ClaimsExtension;
import dev.serai.gate.GateDecision;
import dev.serai.keylime.HttpAnswer;
import dev.serai.plugin.DelegatedCertificate;
import dev.serai.plugin.DelegationRequest;
import dev.serai.proto.envoy.auth.v3.CheckResponse;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.Bytes;
import dev.serai.watching.VerifierCall;
import dev.serai.watching.VerifierOperation;
import io.grpc.Status;
import io.spiffe.bundle.jwtbundle.JwtBundle;
import io.spiffe.svid.jwtsvid.JwtSvid;
import io.spiffe.workloadapi.WorkloadApiClient;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/**
 * The whole way, every part real but the operator and the modem: a node with a TPM and a registered
 * SIM, the operator's word, claims in its workload's SVID, and the gate that they open. Each
 * scenario leaves the machine as it found it.
 */
@Tag("slow")
class SovereignPathTest {
  @TempDir static Path dir;
  private static SovereignSite site;
  private static final Logger PRODUCT = (Logger) LoggerFactory.getLogger("dev.serai");
  private static final Level LEVEL = PRODUCT.getLevel();
  private static final Lines LINES = new Lines();

  /** All that the product says, however quietly, with what it says of exceptions. */
  private static final class Lines extends AppenderBase<ILoggingEvent> {
    private final StringBuffer text = new StringBuffer();

    @Override
    protected void append(ILoggingEvent event) {
      text.append(event.getFormattedMessage()).append(event.getMDCPropertyMap()).append('\n');
      for (IThrowableProxy e = event.getThrowableProxy(); e != null; e = e.getCause()) {
        text.append(e.getMessage()).append('\n');
      }
    }
  }

  @BeforeAll
  static void start() throws Exception {
    LINES.start();
    PRODUCT.addAppender(LINES);
    PRODUCT.setLevel(Level.DEBUG);
    site =
        new SovereignSite(
            dir,
            "required",
            "",
            Duration.ZERO,
            Map.of(
                "serai.gate.regions",
                "madrid",
                "serai.issuer.agent-ttl",
                "20s",
                "serai.agent.location.pcr-extend",
                "true"));
    // Nobody has put its SIM into the registry yet.
    await()
        .atMost(SOON)
        .ignoreExceptions()
        .untilAsserted(
            () ->
                assertThat(site.agent().state().reason())
                    .map(Reason::code)
                    .contains(ReasonCode.SENSOR_UNKNOWN));
    site.furnish("/app");
  }

  @AfterAll
  static void end() {
    PRODUCT.setLevel(LEVEL);
    PRODUCT.detachAppender(LINES);
    if (site != null) {
      site.close();
    }
  }

  @BeforeEach
  void itsModemIsThere() throws Exception {
    site.plugIn();
  }

  private static GateDecision decide(X509Certificate leaf) throws Exception {
    Object answer = site.serai.template().requestBody("direct:gate", SovereignSite.pem(leaf));
    assertThat(answer).isInstanceOf(GateDecision.class);
    return (GateDecision) answer;
  }

  @Test
  void a01_a18_all_roles_of_one_process_are_ready_and_named_and_their_sockets_are_there()
      throws Exception {
    List<String> roles = List.of("issuer", "registrar", "verifier", "sensor", "agent", "gate");
    await()
        .atMost(SOON)
        .untilAsserted(() -> assertThat(site.get("/health/ready").statusCode()).isEqualTo(200));
    HttpResponse<String> health = site.get("/health");
    List<String> named = new ArrayList<>();
    new ObjectMapper()
        .readTree(health.body())
        .path("roles")
        .forEach(role -> named.add(role.path("role").asText()));
    assertThat(named).containsAll(roles);
    String metrics = site.get("/metrics").body();
    for (String role : roles) {
      assertThat(metrics).contains("role=\"" + role + "\"");
    }
    for (String socket :
        List.of(
            "serai.issuer.admin-socket",
            "serai.sensor.admin-socket",
            "serai.agent.workload-socket",
            "serai.gate.socket")) {
      assertThat(Path.of(site.serai.setting(socket))).exists();
    }
  }

  @Test
  void a04_a05_a_registered_sim_in_its_place_makes_claims_and_these_open_the_gate()
      throws Exception {
    site.trusted();
    X509Certificate leaf = site.leaf("/app");
    Claims claims = ClaimsExtension.read(leaf).orElseThrow();
    Claims.Geolocation place = claims.geolocation().orElseThrow();
    assertThat(place.type()).isEqualTo("mobile");
    assertThat(place.region()).contains("madrid");
    assertThat(place.assurance().orElseThrow().word()).isEqualTo("operator-verified");
    assertThat(place.device().orElseThrow()).hasSize(64);
    assertThat(claims.mnoEndorsement().orElseThrow().verified()).isTrue();
    assertThat(new String(leaf.getEncoded(), StandardCharsets.ISO_8859_1))
        .contains("spiffe://test.example/app")
        .doesNotContain(IMEI, IMSI, MSISDN.substring(1), "12d1:1433", "40.4");
    assertThat(leaf.getNotAfter().toInstant()).isBeforeOrEqualTo(place.validUntil().orElseThrow());

    assertThat(decide(leaf).reasons()).isEmpty();
    site.operator.locate(MSISDN, 48.85, 2.35);
    assertThat(decide(leaf).reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.GATE_LOCATION_DENIED);
    site.operator.locate(MSISDN, 40.41, -3.71);
    assertThat(decide(leaf).isAllowed()).isTrue();
    assertThat(site.operator.complaints()).isEmpty();
  }

  @Test
  void a04_an_agent_s_own_svid_says_who_and_where_it_is_and_names_nobody() throws Exception {
    site.trusted();
    X509Certificate own = site.agentLeaf();
    Claims claims = ClaimsExtension.read(own).orElseThrow();
    String spiffeId = "spiffe://test.example/spire/agent/unified_identity/" + site.nodeId();
    assertThat(own.getSubjectAlternativeNames().toString()).contains(spiffeId);
    assertThat(claims.workload().orElseThrow().workloadId()).isEqualTo(spiffeId);
    assertThat(claims.workload().orElseThrow().keySource()).isEqualTo(Claims.TPM_APP_KEY);
    assertThat(claims.tpmAttestation().orElseThrow().policy()).contains("located");
    assertThat(claims.tpmAttestation().orElseThrow().evidence()).isEmpty();
    assertThat(claims.geolocation().orElseThrow().region()).contains("madrid");
    assertThat(claims.geolocation().orElseThrow().sensor()).isEmpty();
    assertThat(new String(own.getEncoded(), StandardCharsets.ISO_8859_1))
        .doesNotContain(IMEI, IMSI, MSISDN.substring(1), "12d1:1433", "40.4");
  }

  @Test
  void a07_a08_a09_an_unplugged_sensor_closes_the_gate_until_it_is_plugged_again()
      throws Exception {
    site.trusted();
    CheckResponse well = site.gate(site.leaf("/app"));
    assertThat(well.getStatus().getCode()).as(well.toString()).isZero();

    site.unplug();
    await()
        .atMost(SOON)
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              assertThat(site.node().getState()).isEqualTo("UNTRUSTED");
              assertThat(site.node().getReasons(0).getCode())
                  .isEqualTo(ReasonCode.LOCATION_MISSING.name());
            });
    await().atMost(SOON).until(() -> site.served() == Status.Code.PERMISSION_DENIED);
    try (WorkloadApiClient client = site.client()) { // A17: nor a token, nor one that was kept
      assertThatThrownBy(() -> client.fetchJwtSvid("db"))
          .hasStackTraceContaining("PERMISSION_DENIED");
    }
    CheckResponse without = site.gate(""); // a workload with no SVID has nothing to show
    assertThat(without.getDeniedResponse().getStatus().getCode()).isEqualTo(403);
    assertThat(without.getDeniedResponse().getBody()).isEqualTo("Client certificate required");
    assertThat(without.getStatus().getMessage()).isEqualTo(ReasonCode.GATE_NO_CERTIFICATE.name());

    site.plugIn();
    site.trusted();
    await().atMost(SOON).until(() -> site.served() == Status.Code.OK);
    CheckResponse again = site.gate(site.leaf("/app"));
    assertThat(again.getStatus().getCode()).as(again.toString()).isZero();
  }

  private static JsonNode ask(VerifierOperation operation, String body) throws Exception {
    HttpAnswer answer =
        site.serai
            .template()
            .requestBody(
                "direct:serve-verifier",
                new VerifierCall(
                    operation, "spiffe://test.example/other/server", Bytes.ofText(body)),
                HttpAnswer.class);
    assertThat(answer.status()).as(answer.body().toText()).isEqualTo(200);
    return new ObjectMapper().readTree(answer.body().toText()).path("results");
  }

  /** As the prototype's SPIRE server asks: its agent's plugin knows the App Key, not the quote. */
  @Test
  void f08_evidence_in_the_prototype_s_form_is_completed_by_the_node_with_quote_and_location()
      throws Exception {
    site.trusted();
    String node = "{\"agent_uuid\":\"" + site.nodeId() + "\"}";
    String nonce = ask(VerifierOperation.NONCE, node).path("nonce").asText();
    String key = SovereignSite.publicKeyPem(site.agentLeaf());
    DelegatedCertificate certificate =
        site.serai
            .template()
            .requestBody(
                "direct:certify-app-key",
                DelegationRequest.of(key, nonce),
                DelegatedCertificate.class);
    ObjectNode evidence = new ObjectMapper().createObjectNode().put("type", "tpm");
    evidence
        .putObject("data")
        .put("nonce", nonce)
        .put("quote", "")
        .put("hash_alg", "sha256")
        .put("app_key_public", key)
        .put("app_key_certificate", certificate.encoded())
        .put("agent_uuid", site.nodeId())
        .put("agent_ip", "127.0.0.1")
        .put("agent_port", 9002);
    evidence
        .putObject("metadata")
        .put("source", "SPIRE Server")
        .put("submission_type", "PoR/tpm-app-key");
    JsonNode results = ask(VerifierOperation.EVIDENCE, evidence.toString());
    assertThat(results.path("verified").booleanValue()).isTrue();
    JsonNode claims = results.path("attested_claims");
    assertThat(claims.path("geolocation").toString())
        .isEqualTo("{\"type\":\"mobile\",\"value\":\"madrid\"}");
    assertThat(claims.path("grc.geolocation").path("assurance").asText())
        .isEqualTo("operator-verified");
    assertThat(claims.path("grc.mno_endorsement").path("verified").booleanValue()).isTrue();
    assertThat(results.toString())
        .doesNotContain(IMEI, IMSI, MSISDN.substring(1), "12d1:1433", "40.4");
  }

  @Test
  void a17_a_token_is_fetched_and_validated_and_by_nobody_it_is_not_for() throws Exception {
    site.trusted();
    await().atMost(SOON).until(() -> site.served() == Status.Code.OK);
    try (WorkloadApiClient client = site.client()) {
      JwtSvid svid = client.fetchJwtSvid("db");
      assertThat(svid.getSpiffeId()).hasToString("spiffe://test.example/app");
      assertThat(svid.getExpiry()).isAfter(new Date());
      assertThat(client.validateJwtSvid(svid.getToken(), "db").getSpiffeId())
          .isEqualTo(svid.getSpiffeId());
      JwtBundle bundle =
          client.fetchJwtBundles().getBundleForTrustDomain(svid.getSpiffeId().getTrustDomain());
      assertThat(JwtSvid.parseAndValidate(svid.getToken(), bundle, Set.of("db")).getSpiffeId())
          .isEqualTo(svid.getSpiffeId());

      assertThatThrownBy(() -> client.validateJwtSvid(svid.getToken(), "cache"))
          .hasStackTraceContaining("INVALID_ARGUMENT: JWT_SVID_AUDIENCE_WRONG");
      String[] parts = svid.getToken().split("\\.");
      String other = client.fetchJwtSvid("cache").getToken().split("\\.")[1];
      assertThatThrownBy(
              () -> client.validateJwtSvid(parts[0] + "." + other + "." + parts[2], "cache"))
          .hasStackTraceContaining("INVALID_ARGUMENT: JWT_SVID_SIGNATURE_INVALID");
    }
  }

  @Test
  void w18_what_is_logged_measured_and_kept_names_no_sim_no_modem_and_no_place() throws Exception {
    site.trusted();
    X509Certificate leaf = site.leaf("/app");
    assertThat(decide(leaf).isAllowed()).isTrue();
    site.operator.locate(MSISDN, 48.85, 2.35);
    try {
      assertThat(decide(leaf).isAllowed()).isFalse();
    } finally {
      site.operator.locate(MSISDN, 40.41, -3.71);
    }
    String[] ids = {IMEI, IMSI, MSISDN.substring(1)};
    for (String told :
        new String[] {
          LINES.text.toString(), site.get("/metrics").body(), site.get("/health").body()
        }) {
      assertThat(told).isNotEmpty().doesNotContain(ids);
      // Both numbers: one of them alone may be a time or a size.
      assertThat(told.lines().filter(line -> line.contains("40.4") && line.contains("-3.7")))
          .isEmpty();
    }
    await() // a file may be replaced while it is looked for
        .atMost(SOON)
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              try (Stream<Path> files = Files.walk(site.serai.stateDir())) {
                for (Path file : files.filter(Files::isRegularFile).toList()) {
                  assertThat(Files.readString(file, StandardCharsets.ISO_8859_1))
                      .as(file.toString())
                      .doesNotContain(ids);
                }
              }
            });
  }

  @Test
  void a_changed_location_policy_counts_from_the_next_attestation_and_a_bad_one_not_at_all()
      throws Exception {
    site.trusted();
    Reloads reloads = new Reloads(site.serai);
    Path policy = Path.of(site.serai.setting("serai.verifier.policy"));
    String before = Files.readString(policy);
    try {
      Files.writeString(
          policy, before.replace("\"regions\":[\"madrid\"]", "\"regions\":[\"paris\"]"));
      Reloads.Outcome bad = reloads.reload(); // there is no such region
      assertThat(bad.refused().map(Reason::code)).contains(ReasonCode.CONFIGURATION_INVALID);
      attestAgain(1);

      Files.writeString(policy, before.replace("40.4,", "48.8,"));
      assertThat(reloads.reload().applied()).containsExactly("policy located");
      await()
          .atMost(SOON)
          .ignoreExceptions()
          .untilAsserted(
              () ->
                  assertThat(site.node().getReasons(0).getCode())
                      .isIn(
                          ReasonCode.LOCATION_OUTSIDE.name(),
                          ReasonCode.LOCATION_NOT_CONFIRMED.name()));
    } finally {
      Files.writeString(policy, before);
      assertThat(reloads.reload().refused()).isEmpty();
    }
    site.trusted();
  }

  /** threads, descriptors: of this process; heapKib: after a collection. */
  private record Held(int tpmObjects, int threads, int descriptors, long heapKib) {
    private static final int MORE = 20;
    private static final long MORE_HEAP_KIB = 16 << 10;

    static Held now() throws IOException {
      System.gc();
      long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
      try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
        return new Held(
            handles("80000000") + handles("02000000"),
            ManagementFactory.getThreadMXBean().getThreadCount(),
            (int) files.count(),
            heap >> 10);
      }
    }

    /** TPM2_GetCapability(TPM_CAP_HANDLES): transient objects, loaded sessions. */
    private static int handles(String range) {
      Bytes answer =
          site.swtpm.transmit(Bytes.ofHex("8001000000160000017a00000001" + range + "00000040"));
      return ByteBuffer.wrap(answer.toArray()).getInt(5);
    }

    boolean isNoMoreThan(Held first) {
      return tpmObjects <= first.tpmObjects
          && threads <= first.threads + MORE
          && descriptors <= first.descriptors + MORE
          && heapKib <= first.heapKib + MORE_HEAP_KIB;
    }
  }

  private static void attestAgain(int times) {
    for (int i = 0; i < times; i++) {
      // The route that the agent's heart beat takes at half of its SVID's life, and what it notes.
      Object event = site.serai.template().requestBody("direct:renew-agent", (Object) null);
      assertThat(event).isInstanceOf(AgentEvent.SvidIssued.class);
      site.agent().on((AgentEvent) event);
    }
  }

  /** More than a pool's worth of each, so that one that is left behind each time is seen. */
  @Test
  void a06_a_hundred_re_attestations_leave_no_handle_thread_descriptor_or_memory()
      throws Exception {
    site.trusted();
    attestAgain(10);
    Held first = Held.now();
    X509Certificate before = site.agentLeaf();

    attestAgain(100);

    Held[] last = new Held[1];
    await()
        .atMost(SOON)
        .pollInterval(Duration.ofMillis(500))
        .untilAsserted(
            () -> {
              last[0] = Held.now();
              assertThat(last[0].isNoMoreThan(first))
                  .as("%s, at first %s", last[0], first)
                  .isTrue();
            });
    System.out.printf("100 re-attestations: %s, at first %s%n", last[0], first);
    assertThat(site.agentLeaf()).isNotEqualTo(before);
    assertThat(site.node().getState()).isEqualTo("TRUSTED");
    assertThat(site.node().getLocationRegion()).isEqualTo("madrid");
    assertThat(site.node().getLocationAssurance()).isEqualTo("operator-verified");
  }
}
