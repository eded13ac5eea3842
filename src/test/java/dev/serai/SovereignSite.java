package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.agent.AgentStatus;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.envoy.auth.v3.AttributeContext;
import dev.serai.proto.envoy.auth.v3.AuthorizationGrpc;
import dev.serai.proto.envoy.auth.v3.CheckRequest;
import dev.serai.proto.envoy.auth.v3.CheckResponse;
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
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import dev.serai.testing.operator.FakeOperator;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.spiffe.workloadapi.DefaultWorkloadApiClient;
import io.spiffe.workloadapi.DefaultX509Source;
import io.spiffe.workloadapi.WorkloadApiClient;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A machine with a TPM and a modem, all roles in this JVM, and an operator who knows where the SIM
 * is. Real, but the operator and the modem.
 */
final class SovereignSite implements AutoCloseable {
  static final Duration SOON = Duration.ofSeconds(90);
  static final String IMEI = "356345043865103";
  static final String IMSI = "214070610960475";
  static final String MSISDN = "+34696810912";

  final FakeOperator operator = FakeOperator.start(FakeOperator.Dialect.CAMARA);
  final SwTpm swtpm = SwTpm.fresh();
  final SeraiHarness serai;
  private final Path dir;
  private final Path modem;
  private final String position;
  private final ManagedChannel issuer;
  private final ManagedChannel sensor;
  private final ManagedChannel workload;
  private final ManagedChannel proxy;

  /**
   * @param need of a location: "required" or "optional"
   * @param position what the modem says of it beside its numbers, as JSON; "" is nothing
   * @param authorityAge how long ago the issuer was started for the first time
   * @param more settings
   */
  SovereignSite(
      Path dir, String need, String position, Duration authorityAge, Map<String, String> more)
      throws Exception {
    this.dir = dir;
    this.position = position;
    modem = dir.resolve("modem.json");
    plugIn();
    operator.locate(MSISDN, 40.41, -3.71);
    Path state = Files.createDirectory(dir.resolve("state"));
    if (!authorityAge.isZero()) {
      SeraiHarness before =
          SeraiHarness.roles("issuer")
              .withStateDir(state)
              .withClock(Clock.offset(Clock.systemUTC(), authorityAge.negated()));
      more.forEach(before::with);
      before.start().close();
    }
    int tlsPort = SeraiHarness.freePort();
    SeraiHarness harness =
        SeraiHarness.roles("issuer", "registrar", "verifier", "sensor", "agent", "gate")
            .withStateDir(state)
            .with("serai.registrar.tls-port", Integer.toString(tlsPort))
            .with("serai.agent.registrar", "https://127.0.0.1:" + tlsPort)
            .with("serai.tpm.tcti", swtpm.tcti())
            .with("serai.tpm.allow-software", "true")
            .with("serai.registrar.ek-trust-dir", vendors().toString())
            .with("serai.verifier.policy", policy(need).toString())
            .with("serai.verifier.interval", "1s")
            .with("serai.verifier.tick", "200ms")
            .with("serai.issuer.challenge-location", "true")
            .with("serai.issuer.limit.attest", "100")
            .with("serai.issuer.limit.attest-burst", "100")
            .with("serai.agent.location.sensors", "file")
            .with("serai.agent.location.file", modem.toString())
            .with("serai.agent.retry-first", "200ms")
            .with("serai.agent.retry-most", "1s")
            .with("serai.agent.denied-retry-first", "500ms")
            .with("serai.agent.denied-retry-most", "1s")
            .with("serai.camara.cache-ttl", "0s")
            .with("serai.camara.per-second", "1000")
            .with("serai.camara.burst", "1000")
            .with("serai.gate.socket", dir.resolve("gate.sock").toString())
            .with("serai.gate.proxy-users", uid())
            .with("serai.gate.mode", "strict")
            .with("serai.gate.deadline", "20s");
    more.forEach(harness::with);
    operator.settings(dir).forEach(harness::with);
    serai = harness.start();
    issuer = SpiffeChannels.unix(Path.of(serai.setting("serai.issuer.admin-socket")));
    sensor = SpiffeChannels.unix(Path.of(serai.setting("serai.sensor.admin-socket")));
    workload = SpiffeChannels.unix(Path.of(serai.setting("serai.agent.workload-socket")));
    proxy = SpiffeChannels.unix(dir.resolve("gate.sock"));
  }

  @Override
  public void close() {
    proxy.shutdownNow();
    workload.shutdownNow();
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
  private Path policy(String need) throws Exception {
    return Files.writeString(
        dir.resolve("policy.json"),
        """
        {"name":"located","pcrs":{"sha256":{"7":"recorded-at-enrolment"}},
         "clock":{"allow-unsafe":true},
         "location":{"regions":{"madrid":{"circle":
             {"latitude":40.4,"longitude":-3.7,"radius-metres":20000}}},
           "default":{"need":"%s","regions":["madrid"],"max-age":"10m",
             "minimum-assurance":"operator-verified"}}}
        """
            .formatted(need));
  }

  /** The modem is there. */
  void plugIn() throws Exception {
    Path fresh =
        Files.writeString(
            dir.resolve("modem.new"),
            """
            {"type":"mobile","sensor_id":"12d1:1433","sensor_imei":"%s","sensor_imsi":"%s",
             "source":"file"%s}
            """
                .formatted(IMEI, IMSI, position));
    Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString("rw-------"));
    Files.move(fresh, modem, StandardCopyOption.ATOMIC_MOVE);
  }

  void unplug() throws Exception {
    Files.delete(modem);
  }

  static String pem(X509Certificate certificate) throws Exception {
    return "-----BEGIN CERTIFICATE-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(certificate.getEncoded())
        + "\n-----END CERTIFICATE-----\n";
  }

  static String publicKeyPem(X509Certificate certificate) {
    return "-----BEGIN PUBLIC KEY-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'})
            .encodeToString(certificate.getPublicKey().getEncoded())
        + "\n-----END PUBLIC KEY-----\n";
  }

  AgentStatus agent() {
    return serai.bean("agentStatus", AgentStatus.class);
  }

  String nodeId() {
    return agent().nodeId().orElseThrow();
  }

  NodeView node() {
    return NodesGrpc.newBlockingStub(issuer)
        .show(ShowNodeRequest.newBuilder().setId(nodeId()).build());
  }

  /** Waits until the machine is known, in its place and trusted. */
  void trusted() {
    await()
        .atMost(SOON)
        .ignoreExceptions()
        .until(() -> agent().attested() && node().getState().equals("TRUSTED"));
  }

  /** Puts the modem into the registry and waits until it counts, with identities by these paths. */
  void furnish(String... paths) {
    await().atMost(SOON).until(() -> agent().nodeId().isPresent());
    register();
    trusted();
    for (String path : paths) {
      createEntry(path);
    }
  }

  void register() {
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

  private static String uid() {
    return Long.toString(new com.sun.security.auth.module.UnixSystem().getUid());
  }

  void createEntry(String path) {
    var created =
        EntryGrpc.newBlockingStub(issuer)
            .batchCreateEntry(
                BatchCreateEntryRequest.newBuilder()
                    .addEntries(
                        Entry.newBuilder()
                            .setSpiffeId(id(path))
                            .setParentId(id("/spire/agent/unified_identity/" + nodeId()))
                            .addSelectors(
                                Selector.newBuilder().setType("unix").setValue("uid:" + uid())))
                    .build());
    assertThat(created.getResults(0).getStatus().getCode())
        .as(created.getResults(0).getStatus().getMessage())
        .isZero();
  }

  private static SPIFFEID id(String path) {
    return SPIFFEID.newBuilder().setTrustDomain("test.example").setPath(path).build();
  }

  /** As java-spiffe keeps it. */
  DefaultX509Source source(String path) throws Exception {
    return DefaultX509Source.newSource(
        DefaultX509Source.X509SourceOptions.builder()
            .spiffeSocketPath("unix:" + serai.setting("serai.agent.workload-socket"))
            .initTimeout(Duration.ofSeconds(60))
            .svidPicker(
                svids ->
                    svids.stream()
                        .filter(svid -> svid.getSpiffeId().getPath().equals(path))
                        .findFirst()
                        .orElseThrow())
            .build());
  }

  /** As a workload that asks for tokens. */
  WorkloadApiClient client() throws Exception {
    return DefaultWorkloadApiClient.newClient(
        DefaultWorkloadApiClient.ClientOptions.builder()
            .spiffeSocketPath("unix:" + serai.setting("serai.agent.workload-socket"))
            .build());
  }

  /** As java-spiffe takes and validates it. */
  X509Certificate leaf(String path) throws Exception {
    try (DefaultX509Source source = source(path)) {
      return source.getX509Svid().getLeaf();
    }
  }

  /** The agent's own SVID, as it keeps it. */
  X509Certificate agentLeaf() throws Exception {
    try (InputStream pem =
        Files.newInputStream(serai.stateDir().resolve("agent").resolve("agent-svid.pem"))) {
      return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(pem);
    }
  }

  /** What the Workload API says to a workload that asks now. */
  Status.Code served() {
    Metadata header = new Metadata();
    header.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    try {
      SpiffeWorkloadAPIGrpc.newBlockingStub(workload)
          .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header))
          .withDeadlineAfter(60, TimeUnit.SECONDS)
          .fetchX509SVID(X509SVIDRequest.getDefaultInstance())
          .next();
      return Status.Code.OK;
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode();
    }
  }

  /** What a proxy is told of a client with this certificate; "" is none. */
  CheckResponse gate(String pem) {
    return check(proxy, pem);
  }

  static CheckResponse check(ManagedChannel proxy, X509Certificate leaf) {
    try {
      return check(proxy, pem(leaf));
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static CheckResponse check(ManagedChannel proxy, String pem) {
    return AuthorizationGrpc.newBlockingStub(proxy)
        .withDeadlineAfter(60, TimeUnit.SECONDS)
        .check(
            CheckRequest.newBuilder()
                .setAttributes(
                    AttributeContext.newBuilder()
                        .setSource(
                            AttributeContext.Peer.newBuilder()
                                .setCertificate(
                                    URLEncoder.encode(pem, StandardCharsets.US_ASCII)
                                        .replace("+", "%20")))
                        .setRequest(
                            AttributeContext.Request.newBuilder()
                                .setHttp(
                                    AttributeContext.HttpRequest.newBuilder()
                                        .setMethod("GET")
                                        .setPath("/hello"))))
                .build());
  }

  CheckResponse gate(X509Certificate leaf) throws Exception {
    return gate(pem(leaf));
  }

  /** The management listener's answer. */
  HttpResponse<String> get(String path) throws Exception {
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(
                    URI.create(
                        "http://127.0.0.1:%d%s"
                            .formatted(serai.port("serai.management.port"), path)))
                .timeout(Duration.ofSeconds(60))
                .build(),
            HttpResponse.BodyHandlers.ofString());
  }
}
