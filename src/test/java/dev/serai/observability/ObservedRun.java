package dev.serai.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.proto.serai.v1.ListNodesRequest;
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
import dev.serai.proto.workload.JWTSVIDRequest;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.ValidateJWTSVIDRequest;
import dev.serai.proto.workload.X509SVID;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.proto.workload.X509SVIDResponse;
import dev.serai.testing.SeraiChild;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.tss.TpmOptions;
import dev.serai.tpm.tss.TssTpm;
import dev.serai.tpm.wire.CredentialBlob;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.RSAPrivateCrtKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.util.Base64;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * All roles as a process of their own with a software TPM, driven through what operators and
 * workloads do with it, right and wrong, at level DEBUG, first with JSON lines and after a restart
 * with text. What is left: a scrape, both logs, and every secret that occurred.
 */
final class ObservedRun implements AutoCloseable {
  private static final Duration SOON = Duration.ofSeconds(90);
  private static final Pattern PEM_KEY =
      Pattern.compile("-----BEGIN PRIVATE KEY-----(.*?)-----END PRIVATE KEY-----", Pattern.DOTALL);

  private final Path dir;
  private final SwTpm tpm = SwTpm.fresh();
  private final RecordingRelay relay;
  private final SeraiChild child;
  private final int registrarPort = SeraiHarness.freePort();
  private final int registrarTlsPort = SeraiHarness.freePort();
  private final int issuerPort = SeraiHarness.freePort();
  private final int managementPort = SeraiHarness.freePort();
  private final HttpClient http = HttpClient.newHttpClient();
  private ManagedChannel admin;
  private ManagedChannel workload;
  final Secrets secrets = new Secrets();
  Scrape scrape;
  List<String> jsonLog;
  List<String> textLog;
  List<String> loadedClasses;

  ObservedRun(Path dir) throws IOException {
    this.dir = dir;
    int relayPort = SeraiHarness.freePort();
    this.relay = new RecordingRelay(relayPort, registrarPort);
    this.child =
        new SeraiChild(dir)
            .withTpm(tpm)
            .with("serai.run-dir", Files.createDirectories(dir.resolve("run")).toString())
            .with("serai.log.level", "DEBUG")
            .with("serai.registrar.port", Integer.toString(registrarPort))
            .with("serai.registrar.tls-port", Integer.toString(registrarTlsPort))
            .with("serai.issuer.port", Integer.toString(issuerPort))
            .with("serai.management.port", Integer.toString(managementPort))
            .with("serai.agent.registrar", "http://127.0.0.1:" + relayPort)
            .with("serai.agent.issuer", "127.0.0.1:" + issuerPort)
            .with("serai.issuer.limit.attest-burst", "100")
            .with("serai.verifier.interval", "1s")
            .with("serai.verifier.tick", "200ms")
            .with("serai.agent.retry-first", "200ms")
            .with("serai.agent.retry-most", "1s")
            .with("serai.agent.denied-retry-first", "500ms")
            .with("serai.agent.denied-retry-most", "1s");
  }

  void go() throws Exception {
    child.with("serai.log.format", "json").start();
    ready();
    refusals();
    logins();
    tokens();
    refusedWith(Status.Code.PERMISSION_DENIED); // no entry yet
    entry();
    served();
    bearerToken();
    scrape = new Scrape(child.text("/metrics"));
    loadedClasses = loadedClasses();
    ban();
    refusedWith(Status.Code.PERMISSION_DENIED);
    scrape = scrape.and(new Scrape(child.text("/metrics")));
    unban();
    stop();
    jsonLog = Files.readAllLines(child.log());
    Files.delete(child.log());
    activationSecrets();
    child.with("serai.log.format", "text").start();
    ready();
    served();
    bearerToken();
    stop();
    textLog = Files.readAllLines(child.log());
    filesSecrets();
  }

  private void ready() throws IOException {
    await().atMost(SOON).until(() -> child.get("/health/ready") == 200);
    admin = SeraiChild.channel(dir.resolve("run/issuer/admin.sock"));
    workload = SeraiChild.channel(dir.resolve("run/workload/api.sock"));
    filesSecrets(); // keys that rotation drops later count too
  }

  private void stop() throws Exception {
    admin.shutdownNow();
    workload.shutdownNow();
    child.stop();
  }

  private List<String> loadedClasses() throws IOException {
    Process jcmd =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                Long.toString(child.pid()),
                "VM.class_hierarchy")
            .redirectErrorStream(true)
            .start();
    return new String(jcmd.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
        .lines()
        .toList();
  }

  /** What is no request, what is unknown, what may not be asked. */
  private void refusals() throws Exception {
    String registrar = "http://127.0.0.1:" + registrarPort;
    send(post(registrar + "/v2.1/agents/d432fbb3-d2f1-4a97-9ef7-75bd81c00000", "{\"no\": 1}"));
    send(post(registrar + "/v2.1/agents/not-an-id", "nonsense"));
    send(get(registrar + "/v2.1/agents/"));
    send(get(registrar + "/elsewhere"));
    assertThatThrown(
        () ->
            SpiffeWorkloadAPIGrpc.newBlockingStub(workload)
                .fetchX509SVID(X509SVIDRequest.getDefaultInstance())
                .next(),
        Status.Code.INVALID_ARGUMENT);
    assertThatThrown(
        () ->
            NodesGrpc.newBlockingStub(admin)
                .show(ShowNodeRequest.newBuilder().setId("no-such-node").build()),
        Status.Code.NOT_FOUND);
  }

  private void logins() throws Exception {
    String password = Files.readString(child.stateDir().resolve("hawtio-password")).strip();
    secrets.addText("console password", password);
    secrets.addText("console login", "serai:" + password);
    for (String given : new String[] {password, "not-the-password-of-this-console"}) {
      String login =
          Base64.getEncoder().encodeToString(("serai:" + given).getBytes(StandardCharsets.UTF_8));
      int status =
          send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + managementPort + "/hawtio/"))
                  .header("Authorization", "Basic " + login));
      assertThat(status).isEqualTo(given.equals(password) ? 200 : 401);
    }
    secrets.addText("console password, wrong", "not-the-password-of-this-console");
  }

  /** A process that attests with a token, and one whose token nobody made. */
  private void tokens() throws Exception {
    String token =
        AgentGrpc.newBlockingStub(admin)
            .createJoinToken(
                CreateJoinTokenRequest.newBuilder()
                    .setTtl(600)
                    .setAgentId(id("/serai/verifier"))
                    .build())
            .getValue();
    String foreign = "0badc0de-1111-4222-8333-444455556666";
    secrets.addText("join token", token);
    secrets.addText("join token of nobody", foreign);
    for (String given : new String[] {token, foreign}) {
      Path file = dir.resolve("token-" + given.hashCode());
      Files.writeString(file, given);
      try (SeraiHarness verifier =
          SeraiHarness.roles("verifier")
              .with("serai.trust-domain", "child.test")
              .with("serai.verifier.policy", "builtin:demo")
              .with("serai.role.join-token-file", file.toString())
              .with("serai.verifier.registrar", "https://127.0.0.1:" + registrarTlsPort)
              .with("serai.verifier.issuer", "127.0.0.1:" + issuerPort)
              .with("serai.agent.issuer", "127.0.0.1:" + issuerPort)
              .with("serai.agent.trust-bundle", child.stateDir().resolve("bundle.pem").toString())
              .start()) {
        String sign = given.equals(token) ? "result=\"trusted\"" : "JOIN_TOKEN_UNKNOWN";
        double before = given.equals(token) ? 2 : 1;
        await()
            .atMost(SOON)
            .until(
                () ->
                    new Scrape(child.text("/metrics"))
                            .sum("serai_attestations_total", sample -> sample.contains(sign))
                        >= before);
        keysBelow(verifier.stateDir());
      }
    }
  }

  private NodeView node() {
    return NodesGrpc.newBlockingStub(admin)
        .list(ListNodesRequest.getDefaultInstance())
        .getNodesList()
        .stream()
        .filter(node -> node.getSpiffeId().contains("/unified_identity/"))
        .findFirst()
        .orElseThrow();
  }

  private void entry() throws IOException {
    EntryGrpc.newBlockingStub(admin)
        .batchCreateEntry(
            BatchCreateEntryRequest.newBuilder()
                .addEntries(
                    Entry.newBuilder()
                        .setSpiffeId(id("/app"))
                        .setParentId(id(node().getSpiffeId().replace("spiffe://child.test", "")))
                        .addSelectors(
                            Selector.newBuilder()
                                .setType("unix")
                                .setValue("uid:" + Files.getAttribute(dir, "unix:uid"))))
                .build());
  }

  private SpiffeWorkloadAPIGrpc.SpiffeWorkloadAPIBlockingStub workloadApi() {
    Metadata header = new Metadata();
    header.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    return SpiffeWorkloadAPIGrpc.newBlockingStub(workload)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header))
        .withDeadlineAfter(60, TimeUnit.SECONDS);
  }

  private Iterator<X509SVIDResponse> fetch() {
    return workloadApi().fetchX509SVID(X509SVIDRequest.getDefaultInstance());
  }

  /** One that is fetched, and shown to be validated. */
  private void bearerToken() {
    String token =
        workloadApi()
            .fetchJWTSVID(JWTSVIDRequest.newBuilder().addAudience("db").build())
            .getSvids(0)
            .getSvid();
    secrets.addText("JWT-SVID", token.substring(token.lastIndexOf('.') + 1));
    assertThat(
            workloadApi()
                .validateJWTSVID(
                    ValidateJWTSVIDRequest.newBuilder().setAudience("db").setSvid(token).build())
                .getSpiffeId())
        .isEqualTo("spiffe://child.test/app");
  }

  private void served() {
    await()
        .atMost(SOON)
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              for (X509SVID svid : fetch().next().getSvidsList()) {
                addKey("SVID key of a workload", svid.getX509SvidKey().toByteArray());
              }
            });
  }

  private void refusedWith(Status.Code code) {
    await().atMost(SOON).untilAsserted(() -> assertThatThrown(() -> fetch().next(), code));
  }

  private void ban() {
    NodesGrpc.newBlockingStub(admin)
        .ban(ShowNodeRequest.newBuilder().setId(node().getNodeId()).build());
  }

  private void unban() {
    NodesGrpc.newBlockingStub(admin)
        .unban(ShowNodeRequest.newBuilder().setId(node().getNodeId()).build());
    await().atMost(SOON).until(() -> child.get("/health/ready") == 200);
  }

  private static void assertThatThrown(java.util.concurrent.Callable<?> call, Status.Code code)
      throws Exception {
    Status.Code got = Status.Code.OK;
    try {
      call.call();
    } catch (StatusRuntimeException e) {
      got = e.getStatus().getCode();
    }
    assertThat(got).isEqualTo(code);
  }

  private HttpRequest.Builder get(String uri) {
    return HttpRequest.newBuilder(URI.create(uri));
  }

  private HttpRequest.Builder post(String uri, String body) {
    return get(uri).POST(HttpRequest.BodyPublishers.ofString(body));
  }

  private int send(HttpRequest.Builder request) throws Exception {
    return http.send(
            request.timeout(Duration.ofSeconds(60)).build(), HttpResponse.BodyHandlers.discarding())
        .statusCode();
  }

  /** What the registrar sealed for this TPM, as only this TPM can open it, and the proof of it. */
  private void activationSecrets() throws Exception {
    String said = relay.said();
    Matcher blob = Pattern.compile("\"blob\"\\s*:\\s*\"([^\"]+)\"").matcher(said);
    Matcher tag = Pattern.compile("\"auth_tag\"\\s*:\\s*\"([0-9a-f]+)\"").matcher(said);
    assertThat(blob.find()).as("no credential went over the wire").isTrue();
    assertThat(tag.find()).as("no proof went over the wire").isTrue();
    secrets.addText("auth_tag", tag.group(1));
    Bytes file = Bytes.copyOf(Base64.getDecoder().decode(blob.group(1)));
    try (TssTpm own =
        TssTpm.open(TpmOptions.defaults().withTcti(tpm.tcti()).withAllowSoftware(true))) {
      Bytes secret = null;
      for (KeyRef.Endorsement ek : KeyRef.Endorsement.values()) {
        try {
          secret =
              own.activateCredential(
                  KeyRef.Attestation.ECDSA_P256, ek, CredentialBlob.parseFile(file));
        } catch (dev.serai.tpm.TpmException e) {
          continue; // made for the other endorsement key
        }
      }
      assertThat(secret).as("the TPM does not open what it was sent").isNotNull();
      secrets.addBytes("secret of the registrar's challenge", secret.toArray());
    }
  }

  /** Keys on the disk; the TPM's blobs of the App Key. */
  private void filesSecrets() throws IOException {
    keysBelow(child.stateDir());
    Path appKey = child.stateDir().resolve("agent/app-key.json");
    if (Files.exists(appKey)) {
      secrets.addBytes(
          "private blob of the App Key",
          Base64.getDecoder()
              .decode(new ObjectMapper().readTree(appKey.toFile()).path("private").asText()));
    }
  }

  private void keysBelow(Path state) throws IOException {
    try (Stream<Path> files = Files.walk(state)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        byte[] content = Files.readAllBytes(file);
        if (file.toString().endsWith(".p8")) {
          addKey("key of " + file.getFileName(), content);
        }
        Matcher pem = PEM_KEY.matcher(new String(content, StandardCharsets.ISO_8859_1));
        while (pem.find()) {
          addKey("key in " + file.getFileName(), Base64.getMimeDecoder().decode(pem.group(1)));
        }
      }
    }
  }

  private void addKey(String what, byte[] encoded) {
    try {
      byte[] der = encoded;
      String text = new String(encoded, StandardCharsets.ISO_8859_1);
      Matcher pem = PEM_KEY.matcher(text);
      if (pem.find()) {
        der = Base64.getMimeDecoder().decode(pem.group(1));
      }
      secrets.addPem(
          what,
          Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII)).encodeToString(der));
      PrivateKey key = privateKey(der);
      if (key instanceof ECPrivateKey ec) {
        secrets.addNumber(what, ec.getS());
      } else if (key instanceof RSAPrivateCrtKey rsa) {
        secrets.addNumber(what, rsa.getPrivateExponent());
        secrets.addNumber(what, rsa.getPrimeP());
      } else {
        throw new IllegalArgumentException(what + " is of no known kind");
      }
    } catch (java.security.GeneralSecurityException e) {
      throw new IllegalArgumentException(what, e);
    }
  }

  private static PrivateKey privateKey(byte[] der) throws java.security.GeneralSecurityException {
    try {
      return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der));
    } catch (java.security.spec.InvalidKeySpecException e) {
      return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(der));
    }
  }

  private static SPIFFEID id(String path) {
    return SPIFFEID.newBuilder().setTrustDomain("child.test").setPath(path).build();
  }

  @Override
  public void close() throws IOException {
    child.close();
    relay.close();
    tpm.close();
  }
}
