package dev.serai.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.appraisal.CertifyBinding;
import dev.serai.keylime.GeolocationAnswer;
import dev.serai.location.LocationDocument;
import dev.serai.location.LocationReading;
import dev.serai.net.MaterialHolder;
import dev.serai.net.PinnedCertificateTls;
import dev.serai.net.X509Material;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.reason.ReasonCode;
import dev.serai.testing.AsNobody;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import dev.serai.testing.TestAuthority;
import dev.serai.testing.UnixHttp;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmsAttest;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.DERSet;
import org.bouncycastle.asn1.pkcs.CertificationRequestInfo;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the sovereign prototype's peers ask an agent, on a software TPM, wire for wire. */
@Tag("slow")
class SovereignAgentTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String NONCE = "ab".repeat(32);
  private static final String SITE =
      "{\"type\":\"mobile\",\"sensor_id\":\"12d1:1433\",\"sensor_imei\":\"356345043865103\","
          + "\"sensor_imsi\":\"214070610960475\",\"source\":\"file\"}";
  @TempDir static Path dir;
  private static final TestAuthority CLIENTS = new TestAuthority("clients.example");
  private static Path sockets;
  private static SwTpm swtpm;
  private static FakeIssuer issuer;
  private static SeraiHarness registrar;
  private static SeraiHarness agent;
  private static X509Certificate pinned;

  @BeforeAll
  static void start() throws Exception {
    sockets = Files.createTempDirectory(Path.of("/tmp"), "plugin");
    swtpm = SwTpm.provisioned();
    issuer = new FakeIssuer(SeraiHarness.freePort()).start();
    issuer.locationDemanded = true;
    Path trust = Files.createDirectories(dir.resolve("ek"));
    Files.writeString(trust.resolve("ca.pem"), Pem.certificates(List.of(SwTpm.ekRoot())));
    Files.writeString(dir.resolve("bundle.pem"), issuer.bundlePem());
    Files.writeString(dir.resolve("clients.pem"), Pem.certificates(CLIENTS.bundle()));
    site(SITE);
    registrar =
        SeraiHarness.roles("registrar")
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .start();
    agent =
        SeraiHarness.roles("agent")
            .withStateDir(dir.resolve("state"))
            .with("serai.tpm.tcti", swtpm.tcti())
            .with("serai.tpm.allow-software", "true")
            .with("serai.agent.issuer", "127.0.0.1:" + issuer.port())
            .with(
                "serai.agent.registrar",
                "http://127.0.0.1:" + registrar.port("serai.registrar.port"))
            .with("serai.agent.trust-bundle", dir.resolve("bundle.pem").toString())
            .with("serai.agent.trusted-client-ca", dir.resolve("clients.pem").toString())
            .with("serai.agent.app-key", "rsa")
            .with("serai.agent.certify-allow", "/serai/verifier")
            .with("serai.agent.certify-per-minute", "600")
            .with("serai.agent.quotes-per-second", "1000")
            .with("serai.agent.quote-burst", "1000")
            .with("serai.agent.plugin-socket", sockets.resolve("d/tpm-plugin.sock").toString())
            .with("serai.agent.location.sensors", "file")
            .with("serai.agent.location.file", dir.resolve("site.json").toString())
            .with("serai.agent.location.pcr-extend", "true")
            .start();
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () -> agent.bean("agentStatus", AgentStatus.class).state().name().equals("ATTESTED"));
    String kept = Files.readString(dir.resolve("state/agent/server.pem"));
    pinned = Pem.certificates(kept.substring(kept.indexOf("-----BEGIN CERT"))).get(0);
  }

  @AfterAll
  static void end() throws Exception {
    agent.close();
    registrar.close();
    issuer.close();
    swtpm.close();
    Files.deleteIfExists(sockets.resolve("d/tpm-plugin.sock.lock"));
    assertThat(sockets.resolve("d/tpm-plugin.sock")).doesNotExist();
    Files.delete(sockets.resolve("d"));
    Files.delete(sockets);
  }

  private static void site(String json) throws Exception {
    Path beside = dir.resolve("site.new");
    Files.writeString(beside, json);
    Files.setPosixFilePermissions(beside, PosixFilePermissions.fromString("rw-------"));
    Files.move(
        beside,
        dir.resolve("site.json"),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING,
        java.nio.file.StandardCopyOption.ATOMIC_MOVE);
  }

  private static HttpClient client(X509Material identity) throws Exception {
    MaterialHolder holder = new MaterialHolder();
    holder.set(identity);
    return HttpClient.newBuilder()
        .sslContext(
            PinnedCertificateTls.client(pinned, Optional.of(holder))
                .createSSLContext(agent.camel()))
        .build();
  }

  private static HttpClient verifier() throws Exception {
    return client(issuer.authority.material("/serai/verifier"));
  }

  private static HttpResponse<String> call(
      HttpClient client, String method, String path, String body) throws Exception {
    return client.send(
        HttpRequest.newBuilder(
                URI.create("https://127.0.0.1:" + agent.port("serai.agent.port") + path))
            .timeout(Duration.ofSeconds(60))
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private static HttpResponse<String> certify(HttpClient client, String body) throws Exception {
    return call(client, "POST", "/v2.2/delegated_certification/certify_app_key", body);
  }

  /**
   * A status and a body; the plugin's answers say their reason in the body, the API's in status.
   */
  private record Answer(int status, JsonNode json) {}

  private static Answer plugin(String method, String path, String body) throws Exception {
    return plugin(sockets.resolve("d/tpm-plugin.sock"), method, path, body);
  }

  private static Answer plugin(Path socket, String method, String path, String body)
      throws Exception {
    UnixHttp.Answer answer = UnixHttp.call(socket, method, path, body);
    return new Answer(answer.status(), JSON.readTree(answer.body()));
  }

  private static Answer post(String path, ObjectNode body) throws Exception {
    return plugin("POST", path, body.toString());
  }

  private static void assertRefused(Answer answer, int status, String reason) {
    assertThat(answer.json().path("reason").asText()).as(answer.toString()).isEqualTo(reason);
    assertThat(answer.json().path("status").asText()).isEqualTo("error");
    assertThat(answer.json().path("error").asText()).startsWith(reason + ": ");
    assertThat(answer.status()).isEqualTo(status);
  }

  private static PublicKey appKey() {
    return agentKey().publicArea().publicKey();
  }

  /** The key as it is kept, read by another way than the answers are made. */
  private static AppKey agentKey() {
    var exchange = new org.apache.camel.support.DefaultExchange(agent.camel());
    agent.bean("loadAppKey", LoadAppKeyProcessor.class).process(exchange);
    return exchange.getMessage().getBody(AppKey.class);
  }

  private static ObjectNode certifyBody(String pem, String nonce) {
    return JSON.createObjectNode()
        .put("api_version", "v1")
        .put("command", "certify_app_key")
        .put("app_key_public", pem)
        .put("app_key_context_path", "/tmp/spire-data/tpm-plugin/app.ctx")
        .put("challenge_nonce", nonce);
  }

  // --- Delegated certification ------------------------------------------------------------------

  /** SHA-256(SHA-256(PEM) ‖ nonce), computed here from the words of the prototype. */
  private static void assertCertifies(String certificateBase64, String nonce) throws Exception {
    JsonNode certificate = JSON.readTree(Base64.getDecoder().decode(certificateBase64));
    assertThat(certificate.path("challenge_nonce").asText()).isEqualTo(nonce);
    assertThat(certificate.size()).isEqualTo(3);
    Bytes attest = Bytes.ofBase64(certificate.path("certify_data").asText());
    TpmsAttest parsed = TpmsAttest.parse(attest);
    MessageDigest sha = MessageDigest.getInstance("SHA-256");
    byte[] pem = sha.digest(Pem.publicKey(appKey()).getBytes(StandardCharsets.US_ASCII));
    sha.update(pem);
    assertThat(parsed.extraData())
        .isEqualTo(Bytes.copyOf(sha.digest(nonce.getBytes(StandardCharsets.US_ASCII))));
    assertThat(((TpmsAttest.Certify) parsed.body()).name())
        .isEqualTo(agentKey().publicArea().name());
    var signature =
        (dev.serai.tpm.wire.TpmtSignature.Ecdsa)
            dev.serai.tpm.wire.TpmtSignature.parse(
                Bytes.ofBase64(certificate.path("signature").asText()));
    Signature ecdsa = Signature.getInstance("SHA256withECDSA");
    ecdsa.initVerify(
        agent
            .bean("tpm", Tpm.class)
            .publicArea(dev.serai.tpm.KeyRef.Attestation.ECDSA_P256)
            .publicKey());
    ecdsa.update(attest.toArray());
    assertThat(ecdsa.verify(signature.toDer().toArray())).isTrue();
  }

  private static JsonNode results(HttpResponse<String> answer) throws Exception {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    JsonNode envelope = JSON.readTree(answer.body());
    assertThat(envelope.path("code").asInt()).isEqualTo(200);
    assertThat(envelope.path("status").asText()).isEqualTo("Success");
    return envelope.path("results");
  }

  @Test
  void the_ak_certifies_the_app_key_by_the_formula_of_the_prototype() throws Exception {
    String node = agent.bean("agentStatus", AgentStatus.class).nodeId().orElseThrow();
    String pem = Pem.publicKey(appKey());
    // W35: the text of a key says nothing; stripped, with other line ends, or base64 of it.
    for (String text :
        List.of(
            pem,
            pem.strip(),
            pem.replace("\n", "\r\n"),
            Base64.getEncoder().encodeToString(pem.getBytes(StandardCharsets.US_ASCII)))) {
      JsonNode results = results(certify(verifier(), certifyBody(text, NONCE).toString()));
      assertThat(results.path("result").asText()).isEqualTo("SUCCESS");
      assertThat(results.path("agent_uuid").asText()).isEqualTo(node);
      assertThat(results.size()).isEqualTo(3);
      assertCertifies(results.path("app_key_certificate").asText(), NONCE);
    }
  }

  private static void assertRefused(HttpResponse<String> answer, int status, String reason)
      throws Exception {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
    JsonNode envelope = JSON.readTree(answer.body());
    assertThat(envelope.path("code").asInt()).isEqualTo(status);
    assertThat(envelope.path("status").asText()).startsWith(reason);
  }

  /** As its client reads it: the error is in the results. */
  private static void assertNotCertified(HttpResponse<String> answer, int status, String reason)
      throws Exception {
    assertRefused(answer, status, reason);
    JsonNode results = JSON.readTree(answer.body()).path("results");
    assertThat(results.path("result").asText()).isEqualTo("ERROR");
    assertThat(results.path("error").asText()).startsWith(reason + ": ");
    assertThat(results.path("reason").asText()).isEqualTo(reason);
    assertThat(answer.headers().firstValue("Serai-Reason")).contains(reason);
  }

  @Test
  void another_key_is_not_certified() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    String other = Pem.publicKey(generator.generateKeyPair().getPublic());
    assertNotCertified(
        certify(verifier(), certifyBody(other, NONCE).toString()), 403, "APP_KEY_MISMATCH");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{\"app_key_public\":7}",
        "{\"challenge_nonce\":\"ab\"}",
        "{\"app_key_public\":\"\\ud800\",\"challenge_nonce\":\"ab\"}",
        "{\"app_key_public\":\"x\",\"app_key_public\":\"y\",\"challenge_nonce\":\"ab\"}",
        "{\"app_key_public\":\"!!\",\"challenge_nonce\":\"ab\"}",
        "{\"command\":\"quote\",\"app_key_public\":\"x\",\"challenge_nonce\":\"ab\"}",
        "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":[[[[[[[[[[[[[[[[[[[[["
      })
  void n41_what_is_no_request_is_400(String body) throws Exception {
    assertNotCertified(certify(verifier(), body), 400, "MALFORMED_REQUEST");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "with space", "ab-cd", "\u00e4", "../../etc/passwd"})
  void a_nonce_is_letters_and_digits(String nonce) throws Exception {
    assertRefused(
        certify(verifier(), certifyBody(Pem.publicKey(appKey()), nonce).toString()),
        400,
        "MALFORMED_REQUEST");
  }

  @Test
  void n41_what_is_too_large_is_413_or_400() throws Exception {
    ObjectNode body = certifyBody(Pem.publicKey(appKey()), NONCE);
    body.put("padding", "x".repeat(20_000));
    assertRefused(certify(verifier(), body.toString()), 413, "REQUEST_TOO_LARGE");
    assertRefused(
        certify(verifier(), certifyBody(Pem.publicKey(appKey()), "a".repeat(65)).toString()),
        400,
        "MALFORMED_REQUEST");
    assertRefused(
        post("/sign-data", JSON.createObjectNode().put("data", "x".repeat(40_000))),
        413,
        "REQUEST_TOO_LARGE");
  }

  @Test
  void only_those_on_the_list_have_it_certified() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(256);
    KeyPair keys = generator.generateKeyPair();
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry(
        "client",
        keys.getPrivate(),
        new char[0],
        new X509Certificate[] {CLIENTS.leaf(keys, List.of("https://verifier.example"), false)});
    store.setCertificateEntry("agent", pinned);
    KeyManagerFactory keyManagers = KeyManagerFactory.getInstance("PKIX");
    keyManagers.init(store, new char[0]);
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(store);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(keyManagers.getKeyManagers(), trust.getTrustManagers(), null);
    HttpClient client = HttpClient.newBuilder().sslContext(tls).build();
    assertThat(call(client, "GET", "/v2.2/agent/info", "").statusCode()).isEqualTo(200);
    assertRefused(
        certify(client, certifyBody(Pem.publicKey(appKey()), NONCE).toString()),
        403,
        "CALLER_NOT_ALLOWED");
    assertThat(
            call(verifier(), "GET", "/v2.2/delegated_certification/certify_app_key", "")
                .statusCode())
        .isEqualTo(405);
  }

  @Test
  void n43_a_path_that_a_caller_names_is_never_opened() throws Exception {
    Path trap = Files.createTempDirectory(dir, "trap").resolve("fifo");
    // Whoever opens it would wait for ever.
    assertThat(new ProcessBuilder("mkfifo", trap.toString()).start().waitFor()).isZero();
    for (String path : List.of(trap.toString(), "/etc/shadow", "", "/dev/zero")) {
      ObjectNode body = certifyBody(Pem.publicKey(appKey()), NONCE);
      body.put("app_key_context_path", path);
      assertThat(results(certify(verifier(), body.toString())).path("result").asText())
          .isEqualTo("SUCCESS");
    }
  }

  @Test
  void f25_switched_off_nothing_is_certified_and_no_location_told() throws Exception {
    Path state = dir.resolve("off");
    try (SeraiHarness off =
        SeraiHarness.roles("agent")
            .withStateDir(state)
            .with("serai.feature.unified-identity", "false")
            .with("serai.tpm.tcti", "swtpm:path=" + dir.resolve("no-tpm"))
            .with("serai.tpm.allow-software", "true")
            .with("serai.agent.issuer", "127.0.0.1:" + issuer.port())
            .with("serai.agent.trust-bundle", dir.resolve("bundle.pem").toString())
            .with("serai.agent.certify-allow", "/serai/verifier")
            .with("serai.agent.plugin-socket", sockets.resolve("off/plugin.sock").toString())
            .start()) {
      String kept = Files.readString(state.resolve("agent/server.pem"));
      X509Certificate server =
          Pem.certificates(kept.substring(kept.indexOf("-----BEGIN CERT"))).get(0);
      MaterialHolder holder = new MaterialHolder();
      holder.set(issuer.authority.material("/serai/verifier"));
      HttpClient client =
          HttpClient.newBuilder()
              .sslContext(
                  PinnedCertificateTls.client(server, Optional.of(holder))
                      .createSSLContext(off.camel()))
              .build();
      for (String path :
          List.of(
              "POST /v2.2/delegated_certification/certify_app_key",
              "GET /v2.2/agent/attested_geolocation?nonce=" + NONCE)) {
        HttpResponse<String> answer =
            client.send(
                HttpRequest.newBuilder(
                        URI.create(
                            "https://127.0.0.1:"
                                + off.port("serai.agent.port")
                                + path.substring(path.indexOf('/'))))
                    .timeout(Duration.ofSeconds(60))
                    .method(
                        path.substring(0, path.indexOf(' ')),
                        HttpRequest.BodyPublishers.ofString("{}"))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(path + answer.body()).isEqualTo(403);
        assertThat(answer.body()).contains(ReasonCode.FEATURE_OFF.name());
      }
      Path socket = sockets.resolve("off/plugin.sock");
      for (String path :
          List.of("/get-app-key", "/request-certificate", "/sign-data", "/verify-signature")) {
        assertRefused(plugin(socket, "POST", path, "{}"), 403, ReasonCode.FEATURE_OFF.name());
      }
      assertThat(plugin(socket, "GET", "/health", "").json().path("status").asText())
          .isEqualTo("ok");
    }
    Files.deleteIfExists(sockets.resolve("off/plugin.sock.lock"));
    Files.delete(sockets.resolve("off"));
  }

  // --- Plugin -----------------------------------------------------------------------------------

  @Test
  void the_plugin_tells_that_it_is_there_and_which_key_it_has() throws Exception {
    Answer health = plugin("GET", "/health", "");
    assertThat(health.json().toString()).isEqualTo("{\"status\":\"ok\"}");
    Answer key = plugin("POST", "/get-app-key", "{}");
    assertThat(key.status()).isEqualTo(200);
    assertThat(key.json().path("status").asText()).isEqualTo("success");
    assertThat(key.json().path("app_key_public").asText()).isEqualTo(Pem.publicKey(appKey()));
    assertThat(key.json().size()).isEqualTo(2);
    Path socket = sockets.resolve("d/tpm-plugin.sock");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket.getParent())))
        .startsWith("rwx");
  }

  @Test
  void the_plugin_hands_out_the_certificate_of_the_app_key() throws Exception {
    Answer answer =
        post(
            "/request-certificate",
            JSON.createObjectNode()
                .put("app_key_public", Pem.publicKey(appKey()).strip())
                .put("challenge_nonce", NONCE)
                .put("endpoint", "https://192.0.2.1:9002"));
    assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
    assertThat(answer.json().path("status").asText()).isEqualTo("success");
    assertThat(answer.json().path("agent_uuid").asText())
        .isEqualTo(agent.bean("agentStatus", AgentStatus.class).nodeId().orElseThrow());
    assertCertifies(answer.json().path("app_key_certificate").asText(), NONCE);
    assertRefused(
        post("/request-certificate", JSON.createObjectNode().put("challenge_nonce", NONCE)),
        400,
        "MALFORMED_REQUEST");
  }

  private static ObjectNode sign(byte[] data) {
    return JSON.createObjectNode().put("data", Base64.getEncoder().encodeToString(data));
  }

  private static byte[] request(String subject) throws Exception {
    return new CertificationRequestInfo(
            new X500Name(subject),
            SubjectPublicKeyInfo.getInstance(appKey().getEncoded()),
            new DERSet())
        .getEncoded("DER");
  }

  private static byte[] tlsClient(int transcript) {
    byte[] content = new byte[64 + 34 + transcript];
    Arrays.fill(content, 0, 64, (byte) 0x20);
    byte[] context = "TLS 1.3, client CertificateVerify".getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(context, 0, content, 64, context.length);
    return content;
  }

  private static byte[] signature(Answer answer) throws Exception {
    assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
    assertThat(answer.json().path("status").asText()).isEqualTo("success");
    return answer.json().path("signature").binaryValue();
  }

  private static Signature verifier(boolean pss) throws Exception {
    Signature verifier = Signature.getInstance(pss ? "RSASSA-PSS" : "SHA256withRSA");
    if (pss) {
      verifier.setParameter(
          new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
    }
    verifier.initVerify(appKey());
    return verifier;
  }

  @Test
  void a_request_for_the_app_key_and_a_tls_clients_word_are_signed() throws Exception {
    for (byte[] data : List.of(request("CN=agent"), tlsClient(32), tlsClient(48))) {
      for (boolean pss : List.of(false, true)) {
        ObjectNode body = sign(data).put("scheme", pss ? "rsapss" : "rsassa");
        body.put("salt_length", pss ? 32 : -1).put("hash_alg", "sha256").put("is_digest", false);
        byte[] signature = signature(post("/sign-data", body));
        Signature verifier = verifier(pss);
        verifier.update(data);
        assertThat(verifier.verify(signature)).isTrue();
        Answer verified =
            post(
                "/verify-signature",
                sign(data).put("signature", Base64.getEncoder().encodeToString(signature)));
        assertThat(verified.json().toString())
            .isEqualTo("{\"status\":\"success\",\"verified\":true}");
        Answer not =
            post(
                "/verify-signature",
                sign(request("CN=other"))
                    .put("signature", Base64.getEncoder().encodeToString(signature)));
        assertThat(not.status()).isEqualTo(200);
        assertThat(not.json().path("status").asText()).isEqualTo("error");
        assertThat(not.json().path("error").asText()).isEqualTo("Verification failed");
      }
    }
  }

  @Test
  void a_stock_spire_agents_request_is_signed_by_its_digest() throws Exception {
    // As Go's x509.CreateCertificateRequest makes it, with the digest alone sent to the signer.
    byte[] info =
        dev.serai.plugin.PluginTypes.spireRequest(Bytes.copyOf(appKey().getEncoded())).toArray();
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(info);
    byte[] signature = signature(post("/sign-data", sign(digest).put("is_digest", true)));
    Signature verifier = verifier(false);
    verifier.update(info);
    assertThat(verifier.verify(signature)).isTrue();
  }

  @Test
  void n45_nothing_else_is_signed() throws Exception {
    byte[] foreign =
        new CertificationRequestInfo(
                new X500Name("CN=x"),
                SubjectPublicKeyInfo.getInstance(pinned.getPublicKey().getEncoded()),
                new DERSet())
            .getEncoded("DER");
    byte[] server = tlsClient(32);
    System.arraycopy("server".getBytes(StandardCharsets.US_ASCII), 0, server, 73, 6);
    byte[] magic = new byte[32];
    magic[0] = (byte) 0xff;
    magic[1] = 0x54;
    magic[2] = 0x43;
    magic[3] = 0x47;
    byte[] quoteLike = Arrays.copyOf(magic, 145);
    byte[] trailing = Arrays.copyOf(request("CN=x"), request("CN=x").length + 1);
    for (byte[] data :
        List.of(
            magic,
            quoteLike,
            foreign,
            server,
            trailing,
            tlsClient(31),
            tlsClient(64),
            "hello".getBytes(StandardCharsets.UTF_8))) {
      assertRefused(post("/sign-data", sign(data)), 403, "SIGNING_NOT_TYPED");
    }
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(tlsClient(32));
    for (byte[] data : List.of(digest, magic, new byte[32], new byte[20])) {
      assertRefused(
          post("/sign-data", sign(data).put("is_digest", true)), 403, "SIGNING_NOT_TYPED");
    }
  }

  @ParameterizedTest
  @CsvSource({"hash_alg, sha1", "scheme, raw", "salt_length, 7", "data, ***", "data, ''"})
  void what_the_key_cannot_do_is_400(String field, String value) throws Exception {
    ObjectNode body = sign(tlsClient(32));
    if (field.equals("salt_length")) {
      body.put(field, Integer.parseInt(value));
    } else {
      body.put(field, value);
    }
    assertRefused(post("/sign-data", body), 400, "MALFORMED_REQUEST");
  }

  @Test
  void what_the_plugin_does_not_know_is_404_and_what_is_no_json_400() throws Exception {
    assertRefused(plugin("POST", "/decrypt", "{}"), 404, "UNKNOWN_OPERATION");
    assertRefused(plugin("GET", "/get-app-key", ""), 404, "UNKNOWN_OPERATION");
    assertRefused(plugin("POST", "/get-app-key", ""), 400, "MALFORMED_REQUEST");
    assertRefused(plugin("POST", "/sign-data", "{"), 400, "MALFORMED_REQUEST");
    assertRefused(plugin("POST", "/sign-data", "[]"), 400, "MALFORMED_REQUEST");
  }

  @Test
  void n44_another_user_is_refused_by_what_the_kernel_says() throws Exception {
    Path socket = sockets.resolve("d/tpm-plugin.sock");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
        .isEqualTo("rw-------");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket.getParent())))
        .isEqualTo("rwx------");
    plugin("GET", "/health", ""); // everything is loaded
    // Somebody opens every door: what is left is who the caller is.
    Files.setPosixFilePermissions(sockets, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.setPosixFilePermissions(socket.getParent(), PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rwxrwxrwx"));
    try {
      for (String path : List.of("/get-app-key", "/request-certificate", "/sign-data")) {
        assertRefused(AsNobody.call(() -> plugin("POST", path, "{}")), 403, "CALLER_NOT_ALLOWED");
      }
      assertRefused(AsNobody.call(() -> plugin("GET", "/health", "")), 403, "CALLER_NOT_ALLOWED");
    } finally {
      Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
      Files.setPosixFilePermissions(
          socket.getParent(), PosixFilePermissions.fromString("rwx------"));
    }
  }

  @Test
  void n44_a_user_on_the_list_may_ask_and_not_sign_and_n42_a_flood_is_429() throws Exception {
    Path open = Files.createTempDirectory(Path.of("/tmp"), "plugin");
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxr-xr-x"));
    Path socket = open.resolve("tpm-plugin.sock");
    try (SeraiHarness other =
        SeraiHarness.roles("agent") // without a TPM
            .with("serai.tpm.tcti", "device:/dev/tpmrm99")
            .with("serai.agent.certify-per-minute", "2")
            .with("serai.agent.plugin-uids", "65534")
            .with("serai.agent.plugin-socket", socket.toString())
            .start()) {
      assertThat(other.setting("serai.agent.plugin-uids")).isEqualTo("65534");
      assertRefused(
          AsNobody.call(() -> pluginAt(socket, "/get-app-key", "{}")), 503, "AGENT_NOT_READY");
      assertRefused(
          AsNobody.call(() -> pluginAt(socket, "/sign-data", sign(tlsClient(32)).toString())),
          403,
          "CALLER_NOT_ALLOWED");
      assertRefused(
          pluginAt(socket, "/sign-data", sign(tlsClient(32)).toString()), 503, "AGENT_NOT_READY");
      String body = certifyBody(Pem.publicKey(appKey()), NONCE).toString();
      assertRefused(pluginAt(socket, "/request-certificate", body), 503, "AGENT_NOT_READY");
      assertRefused(pluginAt(socket, "/request-certificate", body), 503, "AGENT_NOT_READY");
      assertRefused(pluginAt(socket, "/request-certificate", body), 429, "RATE_LIMITED");
      // Each caller has a bucket of its own.
      assertRefused(
          AsNobody.call(() -> pluginAt(socket, "/request-certificate", body)),
          503,
          "AGENT_NOT_READY");
    } finally {
      Files.deleteIfExists(open.resolve("tpm-plugin.sock.lock"));
      Files.deleteIfExists(open);
    }
  }

  private static Answer pluginAt(Path socket, String path, String body) throws Exception {
    return plugin(socket, "POST", path, body);
  }

  // --- Location ---------------------------------------------------------------------------------

  @Test
  void n27_the_evidence_holds_the_location_and_the_tpm_signed_its_hash() throws Exception {
    SovereignAttestation evidence = issuer.evidence.get();
    LocationDocument document =
        LocationDocument.parse(Bytes.copyOf(evidence.getLocation().toByteArray()));
    assertThat(document.reading().imei()).contains("356345043865103");
    JsonNode certificate = JSON.readTree(evidence.getAppKeyCertificate().toStringUtf8());
    Bytes extra =
        TpmsAttest.parse(Bytes.ofBase64(certificate.path("certify_data").asText())).extraData();
    Bytes nonce = Bytes.ofHex(evidence.getChallengeNonce());
    Bytes key = Bytes.copyOf(appKey().getEncoded());
    assertThat(extra)
        .isEqualTo(
            CertifyBinding.qualifyingData(nonce, key, issuer.csr.get(), Optional.of(document)))
        .isNotEqualTo(CertifyBinding.qualifyingData(nonce, key, issuer.csr.get()));
  }

  private static Bytes pcr15() {
    return agent
        .bean("tpm", Tpm.class)
        .readPcrs(PcrSelection.of(TpmHash.SHA256, 15))
        .get(TpmHash.SHA256)
        .get(15);
  }

  @Test
  void a_location_for_a_nonce_is_in_pcr_15_before_it_is_told() throws Exception {
    Bytes before = pcr15();
    JsonNode told =
        results(call(verifier(), "GET", "/v2.2/agent/attested_geolocation?nonce=" + NONCE, ""));
    assertThat(told.toString())
        .isEqualTo(
            "{\"sensor_type\":\"mobile\",\"mobile\":{\"sensor_id\":\"12d1:1433\","
                + "\"sensor_imei\":\"356345043865103\",\"sensor_imsi\":\"214070610960475\","
                + "\"sensor_msisdn\":null},\"tpm_attested\":true,\"tpm_pcr_index\":15,"
                + "\"nonce\":\"%s\"}".formatted(NONCE));
    MessageDigest sha = MessageDigest.getInstance("SHA-256");
    byte[] event =
        sha.digest(
            ("{\"gnss\":null,\"mobile\":{\"sensor_id\":\"12d1:1433\","
                    + "\"sensor_imei\":\"356345043865103\",\"sensor_imsi\":\"214070610960475\","
                    + "\"sensor_msisdn\":null},\"sensor_type\":\"mobile\",\"tpm_attested\":true,"
                    + "\"tpm_pcr_index\":15}"
                    + NONCE)
                .getBytes(StandardCharsets.US_ASCII));
    sha.update(before.toArray());
    assertThat(pcr15()).isEqualTo(Bytes.copyOf(sha.digest(event)));
  }

  @Test
  void without_the_extend_the_answer_says_that_nothing_is_attested() throws Exception {
    LocationReading reading =
        LocationDocument.parseLoosely(
            Bytes.ofText(
                "{\"type\":\"gnss\",\"sensor_id\":\"rack\",\"latitude\":40.33,"
                    + "\"longitude\":-3,\"accuracy\":5,\"source\":\"file\"}"),
            java.time.Instant.EPOCH);
    GeolocationAnswer location = ReadLocationProcessor.answer(reading, false, "n1");
    Bytes before = pcr15();
    var exchange = new org.apache.camel.support.DefaultExchange(agent.camel());
    exchange.getMessage().setBody(location);
    new ExtendLocationPcrProcessor(agent.bean("tpm", Tpm.class)).process(exchange);
    assertThat(pcr15()).isEqualTo(before);
    assertThat(dev.serai.keylime.KeylimeJson.write(location).toText())
        .isEqualTo(
            "{\"sensor_type\":\"gnss\",\"gnss\":{\"accuracy\":5.0,\"latitude\":40.33,"
                + "\"longitude\":-3.0,\"sensor_id\":\"rack\"},\"tpm_attested\":false,"
                + "\"tpm_pcr_index\":15,\"nonce\":\"n1\"}");
    assertThat(location.toString()).doesNotContain("40.33");
  }

  @Test
  void n26_n28_no_reading_is_404_with_its_reason_and_a_bad_nonce_400() throws Exception {
    String path = "/v2.2/agent/attested_geolocation?nonce=" + NONCE;
    try {
      site(SITE.replace("}", ",\"taken_at_ms\":1790000000000}"));
      Bytes before = pcr15();
      assertNoSensor(call(verifier(), "GET", path, ""), "LOCATION_STALE");
      Files.delete(dir.resolve("site.json"));
      assertNoSensor(call(verifier(), "GET", path, ""), "LOCATION_SENSOR_MISSING");
      assertThat(pcr15()).isEqualTo(before);
    } finally {
      site(SITE);
    }
    assertThat(
            call(verifier(), "GET", "/v2.2/agent/attested_geolocation?nonce=a-b", "").statusCode())
        .isEqualTo(400);
    assertThat(call(verifier(), "GET", "/v2.2/agent/attested_geolocation", "").statusCode())
        .isEqualTo(400);
  }

  private static void assertNoSensor(HttpResponse<String> answer, String reason) throws Exception {
    assertRefused(answer, 404, "No geolocation sensor detected");
    assertThat(JSON.readTree(answer.body()).path("results").path("reason").asText())
        .isEqualTo(reason);
  }
}
