package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.agent.AgentStatus;
import dev.serai.claims.Claims;
import dev.serai.claims.ClaimsExtension;
import dev.serai.gate.GateDecision;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.serai.v1.Device;
import dev.serai.proto.serai.v1.DevicesGrpc;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.serai.v1.ShowNodeRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import dev.serai.testing.operator.FakeOperator;
import io.grpc.ManagedChannel;
import io.spiffe.workloadapi.DefaultX509Source;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Base64;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The whole way, every part real but the operator and the modem: a node with a TPM and a registered
 * SIM, the operator's word, claims in its workload's SVID, and the gate that they open.
 */
@Tag("slow")
class SovereignPathTest {
  private static final Duration SOON = Duration.ofSeconds(90);
  private static final String IMEI = "356345043865103";
  private static final String IMSI = "214070610960475";
  private static final String MSISDN = "+34696810912";

  @TempDir Path dir;
  private final SwTpm swtpm = SwTpm.fresh();
  private final FakeOperator operator = FakeOperator.start(FakeOperator.Dialect.CAMARA);
  private SeraiHarness serai;
  private ManagedChannel issuer;
  private ManagedChannel sensor;

  @BeforeEach
  void start() throws Exception {
    operator.locate(MSISDN, 40.41, -3.71);
    int tlsPort = SeraiHarness.freePort();
    SeraiHarness harness =
        SeraiHarness.roles("issuer", "registrar", "verifier", "sensor", "agent", "gate")
            .with("serai.registrar.tls-port", Integer.toString(tlsPort))
            .with("serai.agent.registrar", "https://127.0.0.1:" + tlsPort)
            .with("serai.tpm.tcti", swtpm.tcti())
            .with("serai.tpm.allow-software", "true")
            .with("serai.registrar.ek-trust-dir", vendors().toString())
            .with("serai.verifier.policy", policy().toString())
            .with("serai.verifier.interval", "1s")
            .with("serai.verifier.tick", "200ms")
            .with("serai.issuer.challenge-location", "true")
            .with("serai.issuer.limit.attest", "100")
            .with("serai.issuer.limit.attest-burst", "100")
            .with("serai.agent.location.sensors", "file")
            .with("serai.agent.location.file", modem().toString())
            .with("serai.agent.retry-first", "200ms")
            .with("serai.agent.retry-most", "1s")
            .with("serai.agent.denied-retry-first", "500ms")
            .with("serai.agent.denied-retry-most", "1s")
            .with("serai.camara.cache-ttl", "0s")
            .with("serai.camara.per-second", "1000")
            .with("serai.camara.burst", "1000")
            .with("serai.gate.mode", "strict")
            .with("serai.gate.regions", "madrid");
    operator.settings(dir).forEach(harness::with);
    serai = harness.start();
    issuer = SpiffeChannels.unix(Path.of(serai.setting("serai.issuer.admin-socket")));
    sensor = SpiffeChannels.unix(Path.of(serai.setting("serai.sensor.admin-socket")));
  }

  @AfterEach
  void end() {
    sensor.shutdownNow();
    issuer.shutdownNow();
    serai.close();
    operator.close();
    swtpm.close();
  }

  private Path vendors() throws Exception {
    Path trust = Files.createDirectories(dir.resolve("ek"));
    Files.writeString(trust.resolve("ca.pem"), pem(SwTpm.ekRoot()));
    return trust;
  }

  /** With the registry, as a policy is when it says nothing of it. */
  private Path policy() throws Exception {
    return Files.writeString(
        dir.resolve("policy.json"),
        """
        {"name":"located","pcrs":{"sha256":{"7":"recorded-at-enrolment"}},
         "clock":{"allow-unsafe":true},
         "location":{"regions":{"madrid":{"circle":
             {"latitude":40.4,"longitude":-3.7,"radius-metres":20000}}},
           "default":{"need":"required","regions":["madrid"],"max-age":"10m",
             "minimum-assurance":"operator-verified"}}}
        """);
  }

  private Path modem() throws Exception {
    Path file =
        Files.writeString(
            dir.resolve("modem.json"),
            """
            {"type":"mobile","sensor_id":"12d1:1433","sensor_imei":"%s","sensor_imsi":"%s",
             "source":"file"}
            """
                .formatted(IMEI, IMSI));
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  private static String pem(X509Certificate certificate) throws Exception {
    return "-----BEGIN CERTIFICATE-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(certificate.getEncoded())
        + "\n-----END CERTIFICATE-----\n";
  }

  private String nodeId() {
    return serai.bean("agentStatus", AgentStatus.class).nodeId().orElseThrow();
  }

  private NodeView node() {
    return NodesGrpc.newBlockingStub(issuer)
        .show(ShowNodeRequest.newBuilder().setId(nodeId()).build());
  }

  private void register() {
    DevicesGrpc.newBlockingStub(sensor)
        .create(
            Device.newBuilder()
                .setType("mobile")
                .setSensorId("12d1:1433")
                .setImei(IMEI)
                .setImsi(IMSI)
                .setMsisdn(MSISDN)
                .setLatitude(40.4)
                .setLongitude(-3.7)
                .setAccuracy(5_000)
                .setNodeId(nodeId())
                .build());
  }

  private void createEntry() {
    String uid = Long.toString(new com.sun.security.auth.module.UnixSystem().getUid());
    EntryGrpc.newBlockingStub(issuer)
        .batchCreateEntry(
            BatchCreateEntryRequest.newBuilder()
                .addEntries(
                    Entry.newBuilder()
                        .setSpiffeId(id("/app"))
                        .setParentId(id("/spire/agent/unified_identity/" + nodeId()))
                        .addSelectors(Selector.newBuilder().setType("unix").setValue("uid:" + uid)))
                .build());
  }

  private static SPIFFEID id(String path) {
    return SPIFFEID.newBuilder().setTrustDomain("test.example").setPath(path).build();
  }

  /** As java-spiffe takes and validates it. */
  private X509Certificate leaf() throws Exception {
    var options =
        DefaultX509Source.X509SourceOptions.builder()
            .spiffeSocketPath("unix:" + serai.setting("serai.agent.workload-socket"))
            .initTimeout(Duration.ofSeconds(60))
            .build();
    try (DefaultX509Source source = DefaultX509Source.newSource(options)) {
      return source.getX509Svid().getLeaf();
    }
  }

  private GateDecision gate(X509Certificate leaf) throws Exception {
    Object answer = serai.template().requestBody("direct:gate", pem(leaf));
    assertThat(answer).isInstanceOf(GateDecision.class);
    return (GateDecision) answer;
  }

  @Test
  void a04_a05_a_registered_sim_in_its_place_makes_claims_and_these_open_the_gate()
      throws Exception {
    await()
        .atMost(SOON)
        .ignoreExceptions()
        .untilAsserted(
            () ->
                assertThat(serai.bean("agentStatus", AgentStatus.class).state().reason())
                    .map(Reason::code)
                    .contains(ReasonCode.SENSOR_UNKNOWN));
    register();
    await().atMost(SOON).ignoreExceptions().until(() -> node().getState().equals("TRUSTED"));
    createEntry();

    X509Certificate leaf = leaf();
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

    assertThat(gate(leaf).reasons()).isEmpty();
    operator.locate(MSISDN, 48.85, 2.35);
    assertThat(gate(leaf).reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.GATE_LOCATION_DENIED);
    operator.locate(MSISDN, 40.41, -3.71);
    assertThat(gate(leaf).isAllowed()).isTrue();
    assertThat(operator.complaints()).isEmpty();
  }
}
