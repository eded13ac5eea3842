package dev.serai.watching;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpServer;
import dev.serai.appraisal.CertifyBinding;
import dev.serai.appraisal.ChallengeStanding;
import dev.serai.appraisal.NodeRecord;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.KeylimeJson;
import dev.serai.keylime.QuoteResults;
import dev.serai.keylime.QuoteString;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.testing.GivenIdentities;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import dev.serai.testing.TestAuthority;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.jca.SeraiTpmProvider;
import dev.serai.tpm.jca.TpmPrivateKey;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.tss.TpmOptions;
import dev.serai.tpm.tss.TssTpm;
import dev.serai.tpm.wire.PcrBlob;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmtPublic;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.SSLContext;
import javax.security.auth.x500.X500Principal;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * POST /v2.4/verify/evidence over mTLS with evidence of a software TPM: what the prototype's
 * callers send and get, and its holes one by one.
 */
@Tag("slow")
class VerifyEvidenceTest {
  private static final String NODE = "d432fbb3-d2f1-4a97-9ef7-75bd81c00000";
  private static final String OTHER = "d432fbb3-d2f1-4a97-9ef7-75bd81c00001";
  private static final KeyRef.Attestation AK = KeyRef.Attestation.RSASSA_2048;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Map<String, NodeRecord> RECORDS = new ConcurrentHashMap<>();

  @TempDir static Path state;
  private static SwTpm software;
  private static Tpm tpm;
  private static GivenIdentities identities;
  private static SeraiHarness serai;
  private static HttpClient issuer;
  private static KeyRef.App appKey;
  private static volatile boolean registrarAway;
  private static volatile Duration offset = Duration.ZERO;

  @BeforeAll
  static void start() throws Exception {
    software = SwTpm.provisioned();
    tpm = TssTpm.open(TpmOptions.defaults().withTcti(software.tcti()).withAllowSoftware(true));
    appKey = tpm.createAppKey(Tpm.AppKeyType.RSA_2048);
    identities = new GivenIdentities(new TestAuthority("test.example"));
    Path routes = Files.createDirectories(state.resolve("routes"));
    for (String name : new String[] {"test-registrar", "test-issuer"}) {
      Files.writeString(
          routes.resolve(name + ".camel.yaml"),
          """
          - route:
              id: %1$s
              from:
                uri: direct:%1$s
                steps:
                  - process:
                      ref: %1$s
          """
              .formatted(name));
    }
    serai =
        SeraiHarness.roles("verifier")
            .withClock(() -> Instant.now().plus(offset))
            .with("serai.verifier.policy", "builtin:demo")
            .with("serai.verifier.interval", "1h")
            .with("serai.verifier.longest-back-off", "2h")
            .with("serai.verifier.unreachable-grace", "10h")
            .with("serai.verifier.allow-clear-agents", "true")
            .with("serai.verifier.evidence-callers", "/spire/server,/legacy/spire-server")
            .with("serai.hop.node-record", "direct:test-registrar")
            .with("serai.hop.verdict", "direct:test-issuer")
            .withRole(identities)
            .withRole(new Neighbours())
            .withRoutes(routes)
            .start();
    issuer = as("/legacy/spire-server");
  }

  @AfterAll
  static void stop() {
    serai.close();
    tpm.close();
    software.close();
  }

  @BeforeEach
  void a_registered_node() {
    registrarAway = false;
    offset = Duration.ZERO;
    RECORDS.clear();
    RECORDS.put(NODE, node(NODE, NodeRecord.Standing.ACTIVATED));
  }

  private static NodeRecord node(String id, NodeRecord.Standing standing) {
    return new NodeRecord(
        id,
        tpm.publicArea(KeyRef.Endorsement.RSA_2048),
        tpm.publicArea(AK),
        standing,
        "127.0.0.1",
        9002,
        Optional.empty());
  }

  /** A registrar and an issuer. */
  private static final class Neighbours implements Role {
    @Override
    public String name() {
      return "neighbours";
    }

    @Override
    public void bind(RoleContext context) {
      context.bind("test-registrar", (Processor) Neighbours::lookup);
      context.bind("test-issuer", (Processor) exchange -> {});
    }

    private static void lookup(Exchange exchange) {
      if (registrarAway) {
        throw new RefusalException(ReasonCode.REGISTRAR_UNREACHABLE, "away");
      }
      NodeRecord node = RECORDS.get(exchange.getMessage().getBody(String.class));
      if (node == null) {
        throw new RefusalException(ReasonCode.NODE_UNKNOWN, "no such node is enrolled");
      }
      exchange.getMessage().setBody(node);
    }
  }

  private static HttpClient as(String path) {
    return client(identities.client(path, "/serai/verifier"));
  }

  private static HttpClient client(SSLContext tls) {
    return HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).sslContext(tls).build();
  }

  /** What came back. */
  private record Answer(int status, JsonNode body, String reason) {
    JsonNode results() {
      return body.path("results");
    }

    JsonNode details() {
      return results().path("verification_details");
    }
  }

  private static Answer send(HttpClient client, String method, String path, String body)
      throws Exception {
    return send(client, serai.port("serai.verifier.port"), method, path, body);
  }

  private static Answer send(HttpClient client, int port, String method, String path, String body)
      throws Exception {
    HttpResponse<String> response =
        client.send(
            HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + port + path))
                .method(method, HttpRequest.BodyPublishers.ofString(body))
                .timeout(Duration.ofSeconds(60))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    return new Answer(
        response.statusCode(),
        response.body().isEmpty() ? JSON.createObjectNode() : JSON.readTree(response.body()),
        response.headers().firstValue("Serai-Reason").orElse(""));
  }

  @Test
  void f25_switched_off_nothing_is_judged_and_no_nonce_given() throws Exception {
    GivenIdentities others = new GivenIdentities(new TestAuthority("test.example"));
    try (SeraiHarness off =
        SeraiHarness.roles("verifier")
            .with("serai.feature.unified-identity", "false")
            .with("serai.verifier.policy", "builtin:demo")
            .with("serai.verifier.evidence-callers", "/legacy/spire-server")
            .withRole(others)
            .start()) {
      HttpClient caller = client(others.client("/legacy/spire-server", "/serai/verifier"));
      for (String path : new String[] {"/v2.4/verify/evidence", "/v2.4/verify/nonce"}) {
        Answer answer =
            send(
                caller,
                off.port("serai.verifier.port"),
                "POST",
                path,
                "{\"agent_uuid\":\"" + NODE + "\"}");
        assertRefused(answer, 403, ReasonCode.FEATURE_OFF);
      }
    }
  }

  private static Answer post(ObjectNode evidence) throws Exception {
    Answer answer = send(issuer, "POST", "/v2.4/verify/evidence", evidence.toString());
    assertThat(answer.body().path("code").asInt()).isEqualTo(answer.status());
    return answer;
  }

  private static void assertRefused(Answer answer, int status, ReasonCode code) {
    assertThat(answer.status()).as(answer.body().toString()).isEqualTo(status);
    assertThat(answer.results().path("verified").booleanValue()).isFalse();
    assertThat(answer.results().path("verified").isBoolean()).isTrue();
    assertThat(answer.results().path("reason").asText()).isEqualTo(code.name());
    assertThat(answer.body().path("status").asText()).isNotEmpty();
  }

  /** Asks as the prototype's SPIRE server would have to, before it asks its agent. */
  private static String nonce(String node) throws Exception {
    Answer answer = send(issuer, "POST", "/v2.4/verify/nonce", "{\"agent_uuid\":\"" + node + "\"}");
    assertThat(answer.status()).as(answer.body().toString()).isEqualTo(200);
    assertThat(answer.results().path("nonce").asText()).matches("[0-9a-f]{64}");
    assertThat(answer.results().path("mask").asText()).isEqualTo("0x" + hexMask());
    assertThat(answer.results().path("hash_alg").asText()).isEqualTo("sha256");
    return answer.results().path("nonce").asText();
  }

  private static String hexMask() {
    return Integer.toHexString(selection().mask(TpmHash.SHA256));
  }

  private static PcrSelection selection() {
    return dev.serai.appraisal.PolicyFile.load("builtin:demo").pcrs().selection();
  }

  private static String pem(Bytes der) {
    return "-----BEGIN PUBLIC KEY-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der.toArray())
        + "\n-----END PUBLIC KEY-----\n";
  }

  private static Bytes info(KeyRef.App key) {
    return Bytes.copyOf(tpm.publicArea(key).publicKey().getEncoded());
  }

  private static String certificate(Tpm.Attested certify, String nonce) {
    return Bytes.ofText(
            "{\"certify_data\":\"%s\",\"challenge_nonce\":\"%s\",\"signature\":\"%s\"}"
                .formatted(certify.attest().toBase64(), nonce, certify.signature().toBase64()))
        .toBase64();
  }

  private static String certificate(KeyRef.App key, KeyRef.Attestation ak, String nonce) {
    return certificate(
        tpm.certify(key, ak, CertifyBinding.prototypeQualifyingData(info(key), nonce)), nonce);
  }

  private static String quote(KeyRef.Attestation ak, PcrSelection pcrs, Bytes qualifyingData) {
    Tpm.Attested quote = tpm.quote(ak, pcrs, qualifyingData);
    return new QuoteString(
            quote.attest(), quote.signature(), PcrBlob.of(pcrs, tpm.readPcrs(pcrs)).encoded())
        .encode();
  }

  /** As the prototype's SPIRE server puts it together. */
  private static ObjectNode evidence(String nonce, KeyRef.App key) {
    ObjectNode json = JSON.createObjectNode();
    json.put("type", "tpm");
    json.putObject("data")
        .put("nonce", nonce)
        .put("quote", quote(AK, selection(), Bytes.ofHex(nonce)))
        .put("hash_alg", "sha256")
        .put("app_key_public", pem(info(key)))
        .put("app_key_certificate", certificate(key, AK, nonce))
        .put("agent_uuid", NODE)
        .put("agent_ip", "127.0.0.1")
        .put("agent_port", 9002);
    json.putObject("metadata")
        .put("source", "SPIRE Server")
        .put("submission_type", "PoR/tpm-app-key");
    return json;
  }

  private static ObjectNode evidence(String nonce) {
    return evidence(nonce, appKey);
  }

  private static ObjectNode evidence() throws Exception {
    return evidence(nonce(NODE));
  }

  private static ObjectNode data(ObjectNode evidence) {
    return (ObjectNode) evidence.path("data");
  }

  @ParameterizedTest
  @EnumSource(Tpm.AppKeyType.class)
  void good_evidence_is_verified_and_every_flag_was_measured(Tpm.AppKeyType type) throws Exception {
    Answer answer = post(evidence(nonce(NODE), keyOf(type)));

    assertThat(answer.status()).as(answer.body().toString()).isEqualTo(200);
    assertThat(answer.body().path("status").asText()).isEqualTo("Success");
    assertThat(answer.results().path("verified").booleanValue()).isTrue();
    for (String flag :
        new String[] {
          "app_key_certificate_valid",
          "app_key_public_matches_cert",
          "quote_signature_valid",
          "nonce_valid"
        }) {
      assertThat(answer.details().path(flag).booleanValue()).as(flag).isTrue();
    }
    assertThat(answer.details().path("agent_uuid").asText()).isEqualTo(NODE);
    assertThat(answer.details().path("timestamp").isIntegralNumber()).isTrue();
    assertThat(answer.results().path("attested_claims").isObject()).isTrue();
    assertThat(answer.results().path("audit_id").asText())
        .matches("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
  }

  /** An RSA key takes a software TPM seconds. */
  private static KeyRef.App keyOf(Tpm.AppKeyType type) {
    return type == Tpm.AppKeyType.RSA_2048 ? appKey : tpm.createAppKey(type);
  }

  @Test
  void a_quote_as_keylimes_agents_make_it_is_taken_too() throws Exception {
    String nonce = nonce(NODE);
    ObjectNode evidence = evidence(nonce);
    data(evidence).put("quote", quote(AK, selection().and(16), Bytes.ofText(nonce)));
    assertThat(post(evidence).status()).isEqualTo(200);
  }

  @Test
  void n01_the_same_evidence_counts_once() throws Exception {
    ObjectNode evidence = evidence();
    assertThat(post(evidence).status()).isEqualTo(200);
    Answer again = post(evidence);
    assertRefused(again, 403, ReasonCode.NONCE_USED);
    assertThat(again.details().path("nonce_valid").booleanValue()).isFalse();
    assertThat(again.details().has("quote_signature_valid")).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"hex", "upper", "text"})
  void n02_a_nonce_of_the_caller_s_own_is_refused(String kind) throws Exception {
    String own = "5e".repeat(32);
    ObjectNode evidence = evidence(own);
    String sent =
        switch (kind) {
          case "upper" -> nonce(NODE).toUpperCase(java.util.Locale.ROOT);
          case "text" -> "my-own-nonce";
          default -> own;
        };
    data(evidence).put("nonce", sent);
    assertRefused(post(evidence), 403, ReasonCode.NONCE_UNKNOWN);
  }

  @Test
  void a_nonce_belongs_to_its_caller_and_node_and_ends() throws Exception {
    RECORDS.put(OTHER, node(OTHER, NodeRecord.Standing.ACTIVATED));
    ObjectNode otherNode = evidence(nonce(OTHER));
    assertRefused(post(otherNode), 403, ReasonCode.NONCE_FOREIGN);

    ObjectNode otherCaller = evidence();
    Answer answer =
        send(as("/spire/server"), "POST", "/v2.4/verify/evidence", otherCaller.toString());
    assertRefused(answer, 403, ReasonCode.NONCE_FOREIGN);

    ObjectNode late = evidence();
    offset = Duration.ofSeconds(61);
    assertRefused(post(late), 403, ReasonCode.NONCE_EXPIRED);
  }

  @Test
  void n03_a_certify_by_another_ak_is_refused() throws Exception {
    String nonce = nonce(NODE);
    ObjectNode evidence = evidence(nonce);
    data(evidence)
        .put("app_key_certificate", certificate(appKey, KeyRef.Attestation.ECDSA_P256, nonce));
    Answer answer = post(evidence);
    // The signature's scheme is not even that of the enrolled key.
    assertRefused(answer, 422, ReasonCode.SIGNATURE_INVALID);
    assertThat(answer.details().path("app_key_certificate_valid").booleanValue()).isFalse();
    assertThat(answer.details().has("app_key_certificate_valid")).isTrue();
  }

  @Test
  void n04_a_node_that_is_not_registered_is_refused() throws Exception {
    ObjectNode evidence = evidence(nonce(OTHER));
    data(evidence).put("agent_uuid", OTHER);
    Answer answer = post(evidence);
    assertRefused(answer, 403, ReasonCode.NODE_UNKNOWN);
    assertThat(answer.results().path("ak_registered").booleanValue()).isFalse();
    assertThat(answer.results().has("ak_registered")).isTrue();
  }

  @Test
  void n05_a_node_that_is_not_activated_is_refused() throws Exception {
    RECORDS.put(NODE, node(NODE, NodeRecord.Standing.REGISTERED));
    Answer answer = post(evidence());
    assertRefused(answer, 403, ReasonCode.NODE_NOT_ACTIVATED);
    assertThat(answer.results().has("ak_registered")).isTrue();
  }

  @Test
  void n06_evidence_under_the_uuid_of_another_node_is_refused() throws Exception {
    try (SwTpm elsewhere = SwTpm.blank();
        Tpm victim =
            TssTpm.open(TpmOptions.defaults().withTcti(elsewhere.tcti()).withAllowSoftware(true))) {
      RECORDS.put(
          OTHER,
          new NodeRecord(
              OTHER,
              victim.publicArea(KeyRef.Endorsement.RSA_2048),
              victim.publicArea(AK),
              NodeRecord.Standing.ACTIVATED,
              "",
              0,
              Optional.empty()));
    }
    ObjectNode evidence = evidence(nonce(OTHER));
    data(evidence).put("agent_uuid", OTHER);
    Answer answer = post(evidence);
    assertRefused(answer, 403, ReasonCode.AK_MISMATCH);
    assertThat(answer.results().path("ak_registered").booleanValue()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "nonce, NONCE_MISSING",
    "app_key_public, EVIDENCE_MISSING",
    "app_key_certificate, EVIDENCE_MISSING",
    "agent_uuid, EVIDENCE_MISSING"
  })
  void n07_a_missing_piece_is_named_and_refused(String field, ReasonCode code) throws Exception {
    ObjectNode evidence = evidence();
    for (boolean empty : new boolean[] {true, false}) {
      if (empty) {
        data(evidence).put(field, "");
      } else {
        data(evidence).remove(field);
      }
      Answer answer = post(evidence);
      assertRefused(answer, 400, code);
      assertThat(answer.body().path("status").asText())
          .startsWith("missing required field: data." + field);
    }
  }

  @ParameterizedTest
  @CsvSource({"c3R1Yg==", "rc3R1Yg==:c3R1Yg==:c3R1Yg==", "phase-1", "r::"})
  void n08_a_stub_for_a_quote_is_refused(String stub) throws Exception {
    ObjectNode evidence = evidence();
    data(evidence).put("quote", stub);
    Answer answer = post(evidence);
    assertThat(answer.status()).isEqualTo(422);
    assertThat(answer.results().path("verified").booleanValue()).isFalse();
    assertThat(answer.results().path("reason").asText())
        .isIn(ReasonCode.EVIDENCE_MALFORMED.name(), ReasonCode.SIGNATURE_INVALID.name());
    assertThat(answer.results().path("failures").get(0).path("type").asText())
        .isEqualTo(answer.results().path("reason").asText());
  }

  @Test
  void n09_an_old_quote_does_not_answer_a_new_nonce() throws Exception {
    String old = quote(AK, selection(), Bytes.ofHex(nonce(NODE)));
    ObjectNode evidence = evidence();
    data(evidence).put("quote", old);
    Answer answer = post(evidence);
    assertRefused(answer, 422, ReasonCode.NONCE_MISMATCH);
    assertThat(answer.details().path("quote_signature_valid").booleanValue()).isTrue();
    assertThat(answer.details().path("app_key_certificate_valid").booleanValue()).isTrue();
    assertThat(answer.details().path("nonce_valid").booleanValue()).isFalse();
  }

  @Test
  void n10_a_certify_of_another_key_is_refused() throws Exception {
    String nonce = nonce(NODE);
    ObjectNode evidence = evidence(nonce);
    KeyRef.App other = tpm.createAppKey(Tpm.AppKeyType.ECC_P256);
    data(evidence)
        .put(
            "app_key_certificate",
            certificate(
                tpm.certify(other, AK, CertifyBinding.prototypeQualifyingData(info(appKey), nonce)),
                nonce));
    Answer answer = post(evidence);
    assertRefused(answer, 422, ReasonCode.CERTIFIED_OTHER_KEY);
    assertThat(answer.details().path("app_key_public_matches_cert").booleanValue()).isFalse();
    assertThat(answer.details().has("app_key_public_matches_cert")).isTrue();
  }

  @Test
  void n11_a_quote_in_the_place_of_a_certify_is_refused() throws Exception {
    String nonce = nonce(NODE);
    ObjectNode evidence = evidence(nonce);
    Tpm.Attested quote =
        tpm.quote(AK, selection(), CertifyBinding.prototypeQualifyingData(info(appKey), nonce));
    data(evidence).put("app_key_certificate", certificate(quote, nonce));
    assertRefused(post(evidence), 422, ReasonCode.NOT_A_CERTIFY);
  }

  @Test
  void n12_a_certify_with_other_qualifying_data_is_refused() throws Exception {
    String nonce = nonce(NODE);
    ObjectNode evidence = evidence(nonce);
    String older = "00".repeat(32);
    data(evidence)
        .put(
            "app_key_certificate",
            certificate(
                tpm.certify(
                    appKey, AK, CertifyBinding.prototypeQualifyingData(info(appKey), older)),
                nonce));
    Answer answer = post(evidence);
    assertRefused(answer, 422, ReasonCode.NONCE_MISMATCH);
    assertThat(answer.details().path("app_key_certificate_valid").booleanValue()).isFalse();
    assertThat(answer.details().path("nonce_valid").booleanValue()).isFalse();
  }

  private static String csr(java.security.PublicKey subject, java.security.PrivateKey signer)
      throws Exception {
    JcaContentSignerBuilder builder = new JcaContentSignerBuilder("SHA256withRSA");
    if (signer instanceof TpmPrivateKey) {
      builder.setProvider(new SeraiTpmProvider());
    }
    return Bytes.copyOf(
            new JcaPKCS10CertificationRequestBuilder(new X500Principal("C=US,O=SPIRE"), subject)
                .build(builder.build(signer))
                .getEncoded())
        .toBase64();
  }

  @Test
  void n13_n14_a_csr_that_comes_along_has_to_be_the_app_key_s() throws Exception {
    TpmtPublic area = tpm.publicArea(appKey);
    ObjectNode good = evidence();
    data(good).put("csr", csr(area.publicKey(), TpmPrivateKey.of(tpm, appKey)));
    assertThat(post(good).status()).isEqualTo(200);

    java.security.KeyPairGenerator generator = java.security.KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    KeyPair other = generator.generateKeyPair();
    ObjectNode otherKey = evidence();
    data(otherKey).put("csr", csr(other.getPublic(), other.getPrivate()));
    assertRefused(post(otherKey), 422, ReasonCode.CSR_OTHER_KEY);

    ObjectNode notSigned = evidence();
    data(notSigned).put("csr", csr(area.publicKey(), other.getPrivate()));
    assertRefused(post(notSigned), 422, ReasonCode.CSR_SIGNATURE_INVALID);
  }

  @Test
  void n17_values_that_are_not_those_of_the_quote_are_refused() throws Exception {
    ObjectNode evidence = evidence();
    QuoteString real = QuoteString.parse(data(evidence).path("quote").asText());
    var values = tpm.readPcrs(selection());
    values.get(TpmHash.SHA256).put(0, Bytes.ofHex("11".repeat(32)));
    data(evidence)
        .put(
            "quote",
            new QuoteString(
                    real.attest(), real.signature(), PcrBlob.of(selection(), values).encoded())
                .encode());
    Answer answer = post(evidence);
    assertRefused(answer, 422, ReasonCode.PCR_DIGEST_MISMATCH);
    assertThat(answer.details().path("quote_signature_valid").booleanValue()).isTrue();
  }

  @Test
  void a_pcr_left_out_of_the_quote_is_missed() throws Exception {
    String nonce = nonce(NODE);
    ObjectNode evidence = evidence(nonce);
    data(evidence).put("quote", quote(AK, PcrSelection.of(TpmHash.SHA256, 15), Bytes.ofHex(nonce)));
    assertRefused(post(evidence), 422, ReasonCode.PCR_SELECTION_MISMATCH);
  }

  @Test
  void no_address_in_a_request_is_connected_to() throws Exception {
    try (ServerSocketChannel trap = ServerSocketChannel.open()) {
      trap.bind(new InetSocketAddress("127.0.0.1", SeraiHarness.freePort()));
      trap.configureBlocking(false);
      ObjectNode evidence = evidence();
      data(evidence)
          .put("agent_ip", "127.0.0.1")
          .put("agent_port", ((InetSocketAddress) trap.getLocalAddress()).getPort())
          .put("agent_mtls_cert", "disabled");
      assertThat(post(evidence).status()).isEqualTo(200);
      ObjectNode withoutQuote = evidence();
      data(withoutQuote)
          .put("quote", "")
          .put("agent_port", ((InetSocketAddress) trap.getLocalAddress()).getPort());
      assertThat(post(withoutQuote).status()).isEqualTo(400);
      assertThat(trap.accept()).isNull();
    }
  }

  /** An agent in clear, with the real TPM, that answers as Keylime's do. */
  private static final class Agent implements AutoCloseable {
    final List<String> asked = new CopyOnWriteArrayList<>();
    volatile int status = 200;
    private final HttpServer server;

    Agent() throws Exception {
      server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 10);
      server.createContext(
          "/",
          exchange -> {
            String uri = exchange.getRequestURI().toString();
            asked.add(uri);
            byte[] out =
                KeylimeJson.write(
                        Envelope.success(
                            new QuoteResults(
                                quote(AK, selection().and(15).and(16), Bytes.ofText(nonce(uri))),
                                "sha256",
                                "rsa",
                                "rsassa",
                                Optional.empty(),
                                Optional.empty(),
                                Optional.empty(),
                                Optional.empty())))
                    .toArray();
            exchange.sendResponseHeaders(status, out.length);
            exchange.getResponseBody().write(out);
            exchange.close();
          });
      server.start();
    }

    private static String nonce(String uri) {
      return uri.replaceFirst(".*nonce=([0-9a-f]+).*", "$1");
    }

    void register(NodeRecord.Standing standing) {
      NodeRecord node = node(NODE, standing);
      RECORDS.put(
          NODE,
          new NodeRecord(
              NODE,
              node.ek(),
              node.ak(),
              standing,
              "127.0.0.1",
              server.getAddress().getPort(),
              Optional.of("disabled")));
    }

    @Override
    public void close() {
      server.stop(0);
    }
  }

  private static ObjectNode withoutQuote() throws Exception {
    ObjectNode evidence = evidence();
    data(evidence).put("quote", "");
    return evidence;
  }

  @Test
  void a_quote_that_the_caller_leaves_to_us_is_asked_of_the_registered_agent() throws Exception {
    try (Agent agent = new Agent()) {
      agent.register(NodeRecord.Standing.ACTIVATED);
      ObjectNode evidence = withoutQuote();
      data(evidence).put("agent_ip", "192.0.2.1").put("agent_port", 1);
      Answer answer = post(evidence);
      assertThat(answer.status()).as(answer.body().toString()).isEqualTo(200);
      assertThat(answer.results().path("verified").booleanValue()).isTrue();
      assertThat(answer.details().path("quote_signature_valid").booleanValue()).isTrue();
      assertThat(answer.details().path("nonce_valid").booleanValue()).isTrue();
      // This policy has no rule for locations, so nobody is asked for one.
      assertThat(answer.results().path("attested_claims").toString()).isEqualTo("{}");
      assertThat(agent.asked)
          .containsExactly(
              "/v2.5/quotes/integrity?nonce=%s&mask=0x%x&partial=0&ima_ml_entry=0"
                  .formatted(
                      data(evidence).path("nonce").asText(),
                      selection().mask(TpmHash.SHA256) | 1 << 15));

      assertRefused(post(evidence), 403, ReasonCode.NONCE_USED);
      assertThat(agent.asked).as("nobody is asked for a spent nonce").hasSize(1);
    }
  }

  @Test
  void an_agent_that_gives_no_quote_is_said_in_the_prototype_s_words() throws Exception {
    try (Agent agent = new Agent()) {
      agent.register(NodeRecord.Standing.ACTIVATED);
      agent.status = 500;
      Answer answer = post(withoutQuote());
      assertRefused(answer, 400, ReasonCode.AGENT_UNREACHABLE);
      assertThat(answer.body().path("status").asText())
          .isEqualTo("missing required field: data.quote (agent retrieval failed)");
      assertThat(answer.reason()).isEqualTo(ReasonCode.AGENT_UNREACHABLE.name());
    }
  }

  @Test
  void an_agent_of_a_node_that_may_not_attest_is_not_asked() throws Exception {
    try (Agent agent = new Agent()) {
      agent.register(NodeRecord.Standing.REGISTERED);
      Answer open = post(withoutQuote());
      assertRefused(open, 403, ReasonCode.NODE_NOT_ACTIVATED);
      assertThat(open.results().path("ak_registered").isBoolean()).isTrue();
      agent.register(NodeRecord.Standing.BANNED);
      assertRefused(post(withoutQuote()), 403, ReasonCode.NODE_BANNED);
      assertThat(agent.asked).isEmpty();
    }
  }

  @Test
  void an_ak_or_ek_of_the_caller_s_own_changes_nothing() throws Exception {
    RECORDS.clear();
    ObjectNode evidence = evidence();
    data(evidence)
        .put("tpm_ak", tpm.publicArea(AK).sized().toBase64())
        .put("tpm_ek", tpm.publicArea(KeyRef.Endorsement.RSA_2048).sized().toBase64());
    assertRefused(post(evidence), 403, ReasonCode.NODE_UNKNOWN);
  }

  @Test
  void only_callers_on_the_list_are_judged_for() throws Exception {
    for (String path : new String[] {"/v2.4/verify/evidence", "/v2.4/verify/nonce"}) {
      Answer answer = send(as("/serai/administrator"), "POST", path, "{}");
      assertThat(answer.status()).isEqualTo(403);
      assertThat(answer.reason()).isEqualTo(ReasonCode.CALLER_NOT_ALLOWED.name());
      Answer wrongMethod = send(issuer, "GET", path, "");
      assertThat(wrongMethod.status()).isEqualTo(405);
    }
  }

  @Test
  void n41_what_is_no_evidence_is_refused_with_a_code() throws Exception {
    String deep = "{\"data\":" + "[".repeat(200) + "]".repeat(200) + "}";
    String large = "{\"data\":{\"quote\":\"" + "A".repeat(200_000) + "\"}}";
    assertBad(deep, 400, ReasonCode.MALFORMED_REQUEST);
    assertBad("not json", 400, ReasonCode.MALFORMED_REQUEST);
    assertBad("[]", 400, ReasonCode.MALFORMED_REQUEST);
    assertBad("{\"type\":\"tpm\",\"type\":\"tpm\"}", 400, ReasonCode.MALFORMED_REQUEST);
    assertBad(large, 413, ReasonCode.REQUEST_TOO_LARGE);
    ObjectNode evidence = evidence();
    data(evidence).put("app_key_certificate", "%%%");
    assertBad(evidence.toString(), 400, ReasonCode.EVIDENCE_MALFORMED);
    ObjectNode other = evidence();
    other.put("type", "snp");
    Answer answer = post(other);
    assertRefused(answer, 400, ReasonCode.MALFORMED_REQUEST);
    assertThat(answer.body().path("status").asText()).isEqualTo("invalid evidence type");
    for (String key : new String[] {"-----BEGIN PUBLIC KEY-----", "x", pem(Bytes.ofHex("00ff"))}) {
      ObjectNode noKey = evidence();
      data(noKey).put("app_key_public", key);
      assertBad(noKey.toString(), 400, ReasonCode.EVIDENCE_MALFORMED);
    }
  }

  private static void assertBad(String body, int status, ReasonCode code) throws Exception {
    assertRefused(send(issuer, "POST", "/v2.4/verify/evidence", body), status, code);
  }

  @Test
  void a_registrar_that_is_away_is_no_verdict() throws Exception {
    registrarAway = true;
    assertRefused(post(evidence()), 503, ReasonCode.REGISTRAR_UNREACHABLE);
  }

  @Test
  void nonces_of_one_caller_are_bounded() throws Exception {
    EvidenceNonces nonces = new EvidenceNonces(Duration.ofSeconds(60), Instant::now);
    for (int i = 0; i < EvidenceNonces.MOST_OF_CALLER; i++) {
      nonces.give("a", NODE);
    }
    assertThat(
            org.assertj.core.api.Assertions.catchThrowableOfType(
                    RefusalException.class, () -> nonces.give("a", NODE))
                .reason()
                .code())
        .isEqualTo(ReasonCode.RATE_LIMITED);
    assertThat(nonces.give("b", NODE).value().size()).isEqualTo(32);
  }

  @Test
  void who_uses_up_many_nonces_takes_nobody_s_place() {
    EvidenceNonces nonces = new EvidenceNonces(Duration.ofSeconds(60), Instant::now);
    Bytes first = nonces.give("a", NODE).value();
    nonces.consume(first, "a", NODE);
    assertThat(nonces.consume(first, "a", NODE)).isEqualTo(ChallengeStanding.USED);
    for (int i = 1; i < EvidenceNonces.MOST; i++) {
      nonces.consume(nonces.give("a", NODE).value(), "a", NODE);
    }
    Bytes waiting = nonces.give("b", NODE).value();
    assertThat(nonces.consume(first, "a", NODE)).isEqualTo(ChallengeStanding.UNKNOWN);
    assertThat(nonces.consume(waiting, "b", NODE)).isEqualTo(ChallengeStanding.FRESH);
  }

  @Test
  void a_nonce_is_for_a_node_that_has_a_lawful_name() throws Exception {
    for (String body : new String[] {"{\"agent_uuid\":\"../..\"}", "{}", "", "x".repeat(5000)}) {
      Answer answer = send(issuer, "POST", "/v2.4/verify/nonce", body);
      assertRefused(answer, 400, ReasonCode.MALFORMED_REQUEST);
    }
  }
}
