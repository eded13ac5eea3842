package dev.serai;

import static org.awaitility.Awaitility.await;

import dev.serai.agent.AgentStatus;
import dev.serai.breaker.Breaker;
import dev.serai.breaker.BreakerState;
import dev.serai.breaker.Breakers;
import dev.serai.net.RoleIdentities;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.envoy.auth.v3.CheckResponse;
import dev.serai.proto.serai.v1.Device;
import dev.serai.proto.serai.v1.DevicesGrpc;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.serai.v1.ShowNodeRequest;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.Refused;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import dev.serai.testing.faults.FaultProxy;
import dev.serai.testing.operator.FakeOperator;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.io.ByteArrayInputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * The sovereign path with each role in a process of its own, as far as one JVM has several: state,
 * routes, ports and identities are each one's own, and every hop is mTLS. Between verifier and
 * registrar, and between verifier and sensor service, a proxy stands on the way.
 */
final class SplitSite implements AutoCloseable {
  static final Duration SOON = Duration.ofSeconds(90);
  static final List<String> ROLES =
      List.of("issuer", "registrar", "sensor", "verifier", "gate", "agent");
  private static final String DOMAIN = "test.example";

  final FakeOperator operator = FakeOperator.start(FakeOperator.Dialect.CAMARA);
  final FaultProxy toRegistrar;
  final FaultProxy toSensor;
  final int registrarPort = SeraiHarness.freePort();
  final int sensorPort = SeraiHarness.freePort();
  private final SwTpm swtpm = SwTpm.fresh();
  private final Path dir;
  private final Map<String, Map<String, String>> settings = new HashMap<>();
  private final Map<String, SeraiHarness> running = new TreeMap<>();

  SplitSite(Path dir) throws Exception {
    this.dir = dir;
    operator.locate(SovereignSite.MSISDN, 40.41, -3.71);
    int issuerPort = SeraiHarness.freePort();
    int verifierPort = SeraiHarness.freePort();
    int registrarProxy = SeraiHarness.freePort();
    int sensorProxy = SeraiHarness.freePort();
    toRegistrar = proxy(registrarProxy, registrarPort);
    toSensor = proxy(sensorProxy, sensorPort);
    of("issuer")
        .put("serai.issuer.port", "" + issuerPort)
        .put("serai.issuer.verifier", "127.0.0.1:" + verifierPort)
        .put("serai.issuer.challenge-location", "true")
        .put("serai.issuer.limit.attest", "1000")
        .put("serai.issuer.limit.attest-burst", "1000");
    of("registrar")
        .put("serai.registrar.tls-port", "" + registrarPort)
        .put("serai.registrar.ek-trust-dir", vendors().toString());
    Keys sensor =
        of("sensor")
            .put("serai.sensor.port", "" + sensorPort)
            .put("serai.sensor.tls", "true")
            .put("serai.sensor.device-key", dir.resolve("issuer/devices/issuer.key").toString())
            .put("serai.camara.cache-ttl", "0s")
            .put("serai.camara.timeout", "2s")
            .put("serai.camara.per-second", "1000")
            .put("serai.camara.burst", "1000");
    operator.settings(dir).forEach(sensor::put);
    of("verifier")
        .put("serai.verifier.port", "" + verifierPort)
        .put("serai.verifier.registrar", "https://127.0.0.1:" + registrarProxy)
        .put("serai.verifier.issuer", "127.0.0.1:" + issuerPort)
        .put("serai.verifier.sensor", "127.0.0.1:" + sensorProxy)
        .put("serai.verifier.policy", policy().toString())
        .put("serai.verifier.interval", "1s")
        .put("serai.verifier.tick", "200ms");
    of("gate")
        .put("serai.gate.socket", dir.resolve("gate.sock").toString())
        .put("serai.gate.proxy-users", uid())
        .put("serai.gate.mode", "strict")
        .put("serai.gate.sensor", "127.0.0.1:" + sensorPort)
        .put("serai.gate.deadline", "20s");
    of("agent")
        .put("serai.tpm.tcti", swtpm.tcti())
        .put("serai.tpm.allow-software", "true")
        .put("serai.agent.registrar", "https://127.0.0.1:" + registrarPort)
        .put("serai.agent.location.sensors", "file")
        .put("serai.agent.location.file", modem().toString())
        .put("serai.agent.workload-socket", dir.resolve("workload.sock").toString())
        .put("serai.agent.retry-first", "200ms")
        .put("serai.agent.retry-most", "1s")
        .put("serai.agent.denied-retry-first", "500ms")
        .put("serai.agent.denied-retry-most", "1s");
    for (String role : ROLES) {
      of(role)
          .put("serai.breaker.provider-failures", "2")
          .put("serai.breaker.provider-open", "1s")
          .put("serai.routes.retry-first", "200ms");
      if (!role.equals("issuer")) {
        of(role)
            .put("serai.agent.issuer", "127.0.0.1:" + issuerPort)
            .put("serai.agent.trust-bundle", dir.resolve("issuer/bundle.pem").toString());
      }
    }
  }

  /** Settings of one role, to add to. */
  interface Keys {
    Keys put(String key, String value);
  }

  /** The settings of a role, for its next start. */
  Keys of(String role) {
    Map<String, String> own = settings.computeIfAbsent(role, name -> new HashMap<>());
    return new Keys() {
      @Override
      public Keys put(String key, String value) {
        own.put(key, value);
        return this;
      }
    };
  }

  static FaultProxy proxy(int near, int far) throws Exception {
    return FaultProxy.between(at(near), at(far), 1);
  }

  private static FaultProxy.End at(int port) {
    return new FaultProxy.End(Optional.empty(), new InetSocketAddress("127.0.0.1", port));
  }

  private static String uid() {
    return Long.toString(new com.sun.security.auth.module.UnixSystem().getUid());
  }

  private Path vendors() throws Exception {
    Path trust = Files.createDirectories(dir.resolve("ek"));
    Files.writeString(trust.resolve("ca.pem"), SovereignSite.pem(SwTpm.ekRoot()));
    return trust;
  }

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
    Path modem =
        Files.writeString(
            dir.resolve("modem.json"),
            """
            {"type":"mobile","sensor_id":"12d1:1433","sensor_imei":"%s","sensor_imsi":"%s",
             "source":"file"}
            """
                .formatted(SovereignSite.IMEI, SovereignSite.IMSI));
    Files.setPosixFilePermissions(modem, PosixFilePermissions.fromString("rw-------"));
    return modem;
  }

  /** Starts roles for the first time: each but issuer and agent with a token for its identity. */
  void startAll() throws Exception {
    for (String role : ROLES) {
      if (!role.equals("issuer") && !role.equals("agent")) {
        Path token = Files.writeString(dir.resolve(role + ".token"), token("/serai/" + role));
        of(role).put("serai.role.join-token-file", token.toString());
      }
      start(role);
    }
    await().atMost(SOON).until(() -> agent().nodeId().isPresent());
    register();
    trusted();
    createEntry("/app");
  }

  void start(String role) throws Exception {
    SeraiHarness harness =
        SeraiHarness.roles(role).withStateDir(Files.createDirectories(dir.resolve(role)));
    settings.get(role).forEach(harness::with);
    running.put(role, harness.start());
  }

  void stop(String role) {
    SeraiHarness gone = running.remove(role);
    if (gone != null) {
      gone.close();
    }
  }

  void restart(String role) throws Exception {
    stop(role);
    start(role);
  }

  SeraiHarness role(String name) {
    return running.get(name);
  }

  /** Something over a unix socket that is open for this one thing. */
  private static <T> T over(String socket, java.util.function.Function<ManagedChannel, T> thing) {
    ManagedChannel channel = SpiffeChannels.unix(Path.of(socket));
    try {
      return thing.apply(channel);
    } finally {
      channel.shutdownNow();
    }
  }

  private <T> T admin(java.util.function.Function<ManagedChannel, T> thing) {
    return over(role("issuer").setting("serai.issuer.admin-socket"), thing);
  }

  private String token(String path) {
    return admin(
        channel ->
            AgentGrpc.newBlockingStub(channel)
                .createJoinToken(
                    CreateJoinTokenRequest.newBuilder().setTtl(600).setAgentId(id(path)).build())
                .getValue());
  }

  private static SPIFFEID id(String path) {
    return SPIFFEID.newBuilder().setTrustDomain(DOMAIN).setPath(path).build();
  }

  AgentStatus agent() {
    return role("agent").bean("agentStatus", AgentStatus.class);
  }

  String nodeId() {
    return agent().nodeId().orElseThrow();
  }

  NodeView node() {
    return admin(
        channel ->
            NodesGrpc.newBlockingStub(channel)
                .show(ShowNodeRequest.newBuilder().setId(nodeId()).build()));
  }

  private void register() {
    over(
        role("sensor").setting("serai.sensor.admin-socket"),
        channel ->
            DevicesGrpc.newBlockingStub(channel)
                .create(
                    Device.newBuilder()
                        .setType("mobile")
                        .setSensorId("12d1:1433")
                        .setImei(SovereignSite.IMEI)
                        .setImsi(SovereignSite.IMSI)
                        .setMsisdn(SovereignSite.MSISDN)
                        .setLatitude(40.4)
                        .setLongitude(-3.7)
                        .setAccuracy(5_000)
                        .setNodeId(nodeId())
                        .build()));
  }

  private void createEntry(String path) {
    admin(
        channel ->
            EntryGrpc.newBlockingStub(channel)
                .batchCreateEntry(
                    BatchCreateEntryRequest.newBuilder()
                        .addEntries(
                            Entry.newBuilder()
                                .setSpiffeId(id(path))
                                .setParentId(id("/spire/agent/unified_identity/" + nodeId()))
                                .addSelectors(
                                    Selector.newBuilder().setType("unix").setValue("uid:" + uid())))
                        .build()));
  }

  /** Waits until the machine is known, in its place and trusted. */
  void trusted() {
    await()
        .atMost(SOON)
        .ignoreExceptions()
        .until(
            () ->
                agent().attested()
                    && node().getState().equals("TRUSTED")
                    && node().getLocationAssurance().equals("operator-verified"));
  }

  /** What a workload gets now. */
  X509Certificate leaf() throws Exception {
    Metadata header = new Metadata();
    header.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    byte[] chain =
        over(
            dir.resolve("workload.sock").toString(),
            channel ->
                SpiffeWorkloadAPIGrpc.newBlockingStub(channel)
                    .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header))
                    .withDeadlineAfter(60, TimeUnit.SECONDS)
                    .fetchX509SVID(X509SVIDRequest.getDefaultInstance())
                    .next()
                    .getSvids(0)
                    .getX509Svid()
                    .toByteArray());
    return (X509Certificate)
        CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(chain));
  }

  /** What a proxy is told of a client with this certificate. */
  CheckResponse gate(X509Certificate leaf) {
    return over(dir.resolve("gate.sock").toString(), channel -> SovereignSite.check(channel, leaf));
  }

  /** Attests now, as the agent's heart beat does, and says why that was refused. */
  Optional<ReasonCode> refusedToAttest() {
    return refused("agent", "direct:renew-agent", null);
  }

  /** Asks a route of a role, and says why it was refused. */
  Optional<ReasonCode> refused(String role, String route, Object body) {
    Object answer = role(role).template().requestBody(route, body);
    return answer instanceof Refused refused
        ? Optional.of(refused.reason()).map(Reason::code)
        : Optional.empty();
  }

  Breaker.State breaker(String role, String provider) {
    return role(role)
        .bean(Breakers.BEAN, Breakers.class)
        .find(Breakers.Kind.PROVIDER, provider)
        .map(BreakerState::state)
        .orElse(Breaker.State.CLOSED);
  }

  /** Whether a role in a process without the issuer has its identity. */
  boolean hasIdentity(String role) {
    return role(role)
        .bean("roleIdentities", RoleIdentities.class)
        .forRole(role)
        .current()
        .isPresent();
  }

  @Override
  public void close() {
    for (int i = ROLES.size() - 1; i >= 0; i--) {
      stop(ROLES.get(i));
    }
    toRegistrar.close();
    toSensor.close();
    operator.close();
    swtpm.close();
  }
}
