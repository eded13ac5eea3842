package dev.serai.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.keylime.QuoteString;
import dev.serai.net.MaterialHolder;
import dev.serai.net.PinnedCertificateTls;
import dev.serai.net.X509Material;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import dev.serai.testing.TestAuthority;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrBlob;
import dev.serai.tpm.wire.TpmsAttest;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The Keylime agent API over HTTPS, on a software TPM; tpm2-tools check what it says. */
class AgentApiTest {
  @TempDir static Path dir;
  private static final TestAuthority AUTHORITY = new TestAuthority("test.example");
  private static final TestAuthority FOREIGN = new TestAuthority("test.example");
  private static final ObjectMapper JSON = new ObjectMapper();
  private static SwTpm swtpm;
  private static SeraiHarness agent;
  private static X509Certificate pinned;

  @BeforeAll
  static void start() throws Exception {
    swtpm = SwTpm.provisioned();
    Path bundle = dir.resolve("bundle.pem");
    Files.writeString(bundle, Pem.certificates(AUTHORITY.bundle()));
    agent =
        SeraiHarness.roles("agent")
            .withStateDir(dir.resolve("state"))
            .with("serai.tpm.tcti", swtpm.tcti())
            .with("serai.tpm.allow-software", "true")
            .with("serai.agent.trust-bundle", bundle.toString())
            .with("serai.agent.quotes-per-second", "1000")
            .with("serai.agent.quote-burst", "1000")
            .start();
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> agent.bean("agentStatus", AgentStatus.class).nodeId().isPresent());
    String kept = Files.readString(dir.resolve("state/agent/server.pem"));
    pinned = Pem.certificates(kept.substring(kept.indexOf("-----BEGIN CERT"))).get(0);
  }

  static int port() {
    return agent.port("serai.agent.port");
  }

  @AfterAll
  static void end() {
    agent.close();
    swtpm.close();
  }

  private static HttpClient client(Optional<X509Material> identity) throws Exception {
    MaterialHolder holder = new MaterialHolder();
    identity.ifPresent(holder::set);
    return HttpClient.newBuilder()
        .sslContext(
            PinnedCertificateTls.client(pinned, identity.map(i -> holder))
                .createSSLContext(agent.camel()))
        .build();
  }

  private static HttpClient verifier() throws Exception {
    return client(Optional.of(AUTHORITY.material("/serai/verifier")));
  }

  private static HttpResponse<String> get(HttpClient client, String path) throws Exception {
    return call(client, "GET", path);
  }

  private static HttpResponse<String> call(HttpClient client, String method, String path)
      throws Exception {
    return client.send(
        HttpRequest.newBuilder(
                URI.create("https://127.0.0.1:" + agent.port("serai.agent.port") + path))
            .timeout(Duration.ofSeconds(60))
            .method(method, HttpRequest.BodyPublishers.noBody())
            .build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private static JsonNode results(HttpResponse<String> answer) throws Exception {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    JsonNode envelope = JSON.readTree(answer.body());
    assertThat(envelope.path("code").asInt()).isEqualTo(200);
    assertThat(envelope.path("status").asText()).isEqualTo("Success");
    return envelope.path("results");
  }

  @Test
  void tells_its_versions_and_who_it_is() throws Exception {
    JsonNode versions = results(get(verifier(), "/version"));
    assertThat(versions.path("supported_version").asText()).isEqualTo("2.6");
    assertThat(versions.path("supported_versions").toString()).contains("2.1", "2.6");
    JsonNode info = results(get(verifier(), "/v2.6/agent/info"));
    assertThat(info.path("agent_uuid").asText())
        .isEqualTo(agent.bean("agentStatus", AgentStatus.class).nodeId().orElseThrow());
    assertThat(info.path("tpm_hash_alg").asText()).isEqualTo("sha256");
    assertThat(info.path("tpm_enc_alg").asText()).isEqualTo("ecc256");
    assertThat(info.path("tpm_sign_alg").asText()).isEqualTo("ecdsa");
    assertThat(info.has("ak_handle")).isTrue();
  }

  @Test
  void a_quote_is_what_tpm2_checkquote_accepts() throws Exception {
    JsonNode results =
        results(
            get(
                verifier(),
                "/v2.6/quotes/integrity?nonce=abcDEF123&mask=0x408&partial=0&ima_ml_entry=0"));
    assertThat(results.path("hash_alg").asText()).isEqualTo("sha256");
    assertThat(results.path("enc_alg").asText()).isEqualTo("ecc256");
    assertThat(results.path("sign_alg").asText()).isEqualTo("ecdsa");
    QuoteString quote = QuoteString.parse(results.path("quote").asText());
    assertThat(((TpmsAttest.Quote) TpmsAttest.parse(quote.attest()).body()).selection().toString())
        .isEqualTo("sha256:3,10,16");
    bound(quote, results.path("pubkey").asText());
    checkQuote(quote, "abcDEF123");
  }

  @Test
  void a_partial_quote_is_bound_too_and_names_no_key() throws Exception {
    String key = results(get(verifier(), "/v2.6/quotes/identity?nonce=n1")).path("pubkey").asText();
    JsonNode results =
        results(get(verifier(), "/v2.1/quotes/integrity?nonce=n2&mask=0x0&partial=1"));
    assertThat(results.has("pubkey")).isFalse();
    assertThat(results.path("enc_alg").asText()).isEqualTo("ecc");
    bound(QuoteString.parse(results.path("quote").asText()), key);
  }

  @Test
  void an_identity_quote_covers_the_bound_pcr_alone() throws Exception {
    JsonNode results = results(get(verifier(), "/v2/quotes/identity?nonce=qGHpvTJWaK3hGHOlbyWF"));
    QuoteString quote = QuoteString.parse(results.path("quote").asText());
    assertThat(PcrBlob.parse(quote.pcrBlob()).selection().toString()).isEqualTo("sha256:16");
    bound(quote, results.path("pubkey").asText());
    checkQuote(quote, "qGHpvTJWaK3hGHOlbyWF");
  }

  @Test
  void a_pcr_16_that_somebody_extended_is_bound_again() throws Exception {
    Tpm tpm = agent.bean("tpm", Tpm.class);
    tpm.extendPcr(16, TpmHash.SHA256, Bytes.copyOf(new byte[32]));
    JsonNode results = results(get(verifier(), "/v2.6/quotes/identity?nonce=again"));
    bound(QuoteString.parse(results.path("quote").asText()), results.path("pubkey").asText());
  }

  private static void bound(QuoteString quote, String pem) throws Exception {
    var sha = TpmHash.SHA256.newDigest();
    byte[] key = sha.digest(pem.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    sha.update(new byte[32]);
    Bytes expected = Bytes.copyOf(sha.digest(key));
    assertThat(PcrBlob.parse(quote.pcrBlob()).byIndex().get(TpmHash.SHA256).get(16))
        .isEqualTo(expected);
  }

  private static void checkQuote(QuoteString quote, String nonce) throws Exception {
    Path work = Files.createTempDirectory(dir, "quote");
    Files.writeString(
        work.resolve("ak.pem"),
        Pem.publicKey(
            agent.bean("tpm", Tpm.class).publicArea(KeyRef.Attestation.ECDSA_P256).publicKey()));
    Files.write(work.resolve("msg"), quote.attest().toArray());
    Files.write(work.resolve("sig"), quote.signature().toArray());
    Files.write(work.resolve("pcrs"), quote.pcrBlob().toArray());
    Process tool =
        new ProcessBuilder(
                "tpm2_checkquote",
                "-u",
                "ak.pem",
                "-m",
                "msg",
                "-s",
                "sig",
                "-f",
                "pcrs",
                "-g",
                "sha256",
                "-q",
                Bytes.ofText(nonce).toHex())
            .directory(work.toFile())
            .redirectErrorStream(true)
            .start();
    String said =
        new String(tool.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    assertThat(tool.waitFor()).as(said).isZero();
  }

  @ParameterizedTest
  @CsvSource({
    "/v2.6/quotes/integrity?mask=0x0&partial=1,400",
    "/v2.6/quotes/integrity?nonce=a-b&mask=0x0&partial=1,400",
    "/v2.6/quotes/integrity?nonce=a&nonce=b&mask=0x0&partial=1,400",
    "/v2.6/quotes/integrity?nonce=a&mask=10&partial=1,400",
    "/v2.6/quotes/integrity?nonce=a&mask=0xff000000&partial=1,400",
    "/v2.6/quotes/integrity?nonce=a&mask=0x0,400",
    "/v2.6/quotes/integrity?nonce=a&mask=0x0&partial=1&ima_ml_entry=-1,400",
    "/v2.6/quotes/identity,400",
    "/v9.9/quotes/identity?nonce=a,400",
    "/v2.6/keys/pubkey,404",
    "/v2.6/notifications/revocation,404",
    "/v2.6/agent/infos,404",
    "/,404",
    "/v2.6/../version,404",
  })
  void what_is_not_a_good_request_gets_a_clear_answer(String path, int status) throws Exception {
    HttpResponse<String> answer = get(verifier(), path);
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
    assertThat(JSON.readTree(answer.body()).path("code").asInt()).isEqualTo(status);
  }

  @Test
  void an_unknown_version_is_named_as_keylimes_verifier_expects() throws Exception {
    assertThat(get(verifier(), "/v9.9/quotes/identity?nonce=a").body())
        .contains("API version not supported");
  }

  @Test
  void a_nonce_of_64_is_taken_and_one_of_65_is_not() throws Exception {
    assertThat(get(verifier(), "/v2.6/quotes/identity?nonce=" + "a".repeat(64)).statusCode())
        .isEqualTo(200);
    assertThat(get(verifier(), "/v2.6/quotes/identity?nonce=" + "a".repeat(65)).statusCode())
        .isEqualTo(400);
  }

  @Test
  void another_method_is_refused() throws Exception {
    assertThat(call(verifier(), "POST", "/v2.6/quotes/identity?nonce=a").statusCode())
        .isEqualTo(405);
  }

  @Test
  void a_caller_without_certificate_is_refused_by_the_route() throws Exception {
    HttpResponse<String> answer = get(client(Optional.empty()), "/v2.6/agent/info");
    assertThat(answer.statusCode()).isEqualTo(403);
    assertThat(answer.body()).contains("CALLER_NOT_AUTHENTICATED");
  }

  @Test
  void another_role_of_the_trust_domain_does_not_get_in() throws Exception {
    HttpClient workload = client(Optional.of(AUTHORITY.material("/workload")));
    assertThatThrownBy(() -> get(workload, "/version")).isInstanceOf(IOException.class);
  }

  @Test
  void a_verifier_of_another_authority_does_not_get_in() throws Exception {
    HttpClient foreign = client(Optional.of(FOREIGN.material("/serai/verifier")));
    assertThatThrownBy(() -> get(foreign, "/version")).isInstanceOf(IOException.class);
  }

  @Test
  void keys_on_disk_are_for_their_owner_only() throws Exception {
    for (String file : List.of("server.pem", "transport-key.pem")) {
      assertThat(
              java.nio.file.attribute.PosixFilePermissions.toString(
                  Files.getPosixFilePermissions(dir.resolve("state/agent").resolve(file))))
          .isEqualTo("rw-------");
    }
  }

  @Test
  void a_tpm_killed_in_the_middle_of_a_quote_is_named_and_comes_back() throws Exception {
    swtpm.stop();
    var answer =
        verifier()
            .sendAsync(
                HttpRequest.newBuilder(
                        URI.create(
                            "https://127.0.0.1:%d/v2.6/quotes/identity?nonce=middle"
                                .formatted(port())))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
    await()
        .during(Duration.ofSeconds(1))
        .atMost(Duration.ofSeconds(60))
        .until(() -> !answer.isDone());
    swtpm.kill();
    assertThat(answer.get(20, java.util.concurrent.TimeUnit.SECONDS).body()).contains("TPM_");
    swtpm.restart();
    await()
        .atMost(Duration.ofSeconds(60))
        .ignoreExceptions()
        .until(() -> get(verifier(), "/v2.6/quotes/identity?nonce=after").statusCode() == 200);
  }

  @Test
  void a_tpm_killed_between_quotes_is_named_and_comes_back() throws Exception {
    results(get(verifier(), "/v2.6/quotes/identity?nonce=before"));
    swtpm.kill();
    HttpResponse<String> answer = get(verifier(), "/v2.6/quotes/identity?nonce=while");
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(503);
    assertThat(answer.body()).contains("TPM_");
    swtpm.restart();
    await()
        .atMost(Duration.ofSeconds(60))
        .ignoreExceptions()
        .until(() -> get(verifier(), "/v2.6/quotes/identity?nonce=after").statusCode() == 200);
  }
}
