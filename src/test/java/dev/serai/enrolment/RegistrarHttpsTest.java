package dev.serai.enrolment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.appraisal.NodeRecord;
import dev.serai.http.HttpGet;
import dev.serai.net.MaterialSource;
import dev.serai.net.RoleIdentities;
import dev.serai.net.TlsContexts;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.Refused;
import dev.serai.spiffe.SpiffeId;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Registrar and verifier over TLS, with identities from an issuer of the same process. */
@Tag("slow")
class RegistrarHttpsTest {
  private static final String NODE = "tls-node";
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path trust;
  private static SeraiHarness serai;
  private static PeerNode node;
  private static HttpGet http;

  @BeforeAll
  static void start() throws Exception {
    Files.write(trust.resolve("ca.cer"), SwTpm.ekCa().getEncoded());
    int registrar = SeraiHarness.freePort();
    int issuer = SeraiHarness.freePort();
    serai =
        SeraiHarness.roles("issuer", "registrar", "verifier")
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .with("serai.verifier.policy", "builtin:demo")
            .with("serai.registrar.tls-port", Integer.toString(registrar))
            .with("serai.issuer.port", Integer.toString(issuer))
            .with("serai.verifier.registrar", "https://127.0.0.1:" + registrar)
            .with("serai.verifier.issuer", "127.0.0.1:" + issuer)
            .start();
    http = new HttpGet("test-get", 1 << 20);
    node = new PeerNode(SwTpm.fresh());
    await().atMost(Duration.ofSeconds(60)).until(() -> source("verifier").current().isPresent());
    enrol();
  }

  private static void enrol() {
    String base = "http://127.0.0.1:" + serai.port("serai.registrar.port");
    String body = node.body().put("ekcert", node.certificatePem(0x01c00002)).toString();
    Http.Answer answer = Http.send(base, "POST", "/v2.6/agents/" + NODE, body);
    assertThat(answer.status()).as(answer.body()).isEqualTo(200);
    String tag = node.tag(answer.body(), NODE);
    assertThat(Http.send(base, "PUT", "/v2.6/agents/" + NODE, tag).status()).isEqualTo(200);
    body = node.body().toString();
    assertThat(Http.send(base, "POST", "/v2.6/agents/pending", body).status()).isEqualTo(403);
  }

  @AfterAll
  static void stop() {
    http.close();
    serai.close();
    node.close();
  }

  private static MaterialSource source(String role) {
    return serai.bean("roleIdentities", RoleIdentities.class).forRole(role);
  }

  private static HttpGet.Response get(SSLContext tls, int port, String path) throws Exception {
    return http.send(
            new HttpGet.Request(
                "127.0.0.1",
                port,
                Optional.of(tls),
                path,
                Map.of(),
                Duration.ofSeconds(10),
                1 << 20))
        .get(60, TimeUnit.SECONDS);
  }

  private static HttpGet.Response as(String role, String path) throws Exception {
    SpiffeId registrar = SpiffeId.parse("spiffe://test.example/serai/registrar");
    return get(
        TlsContexts.client(source(role), registrar::equals).get(),
        serai.port("serai.registrar.tls-port"),
        path);
  }

  private static HttpGet.Response withoutCertificate(String path) throws Exception {
    SpiffeId registrar = SpiffeId.parse("spiffe://test.example/serai/registrar");
    return get(
        TlsContexts.bundleOnly(() -> source("verifier").current().get().bundle(), registrar).get(),
        serai.port("serai.registrar.tls-port"),
        path);
  }

  @Test
  void a_verifier_reads_the_record_in_keylimes_form() throws Exception {
    HttpGet.Response answer = as("verifier", "/v2.6/agents/" + NODE);
    assertThat(answer.status()).isEqualTo(200);
    JsonNode record = JSON.readTree(answer.body().toText()).path("results");
    assertThat(record.path("agent_id").asText()).isEqualTo(NODE);
    assertThat(record.path("ek_tpm").asText()).isEqualTo(node.ekTpm());
    assertThat(record.path("aik_tpm").asText()).isEqualTo(node.akTpm());
    assertThat(record.path("mtls_cert").asText()).isEqualTo("disabled");
    assertThat(record.path("port").asInt()).isEqualTo(9002);
    assertThat(record.path("regcount").asInt()).isEqualTo(1);
    JsonNode list = JSON.readTree(as("verifier", "/v2.6/agents/").body().toText());
    assertThat(list.path("results").path("uuids").get(0).asText()).isEqualTo(NODE);
  }

  @Test
  void an_unknown_node_is_not_found() throws Exception {
    HttpGet.Response answer = as("verifier", "/v2.6/agents/nobody");
    assertThat(answer.status()).isEqualTo(404);
    assertThat(answer.body().toText()).contains("Agent with ID 'nobody' not found");
  }

  @ParameterizedTest
  @CsvSource({"/v2.6/agents/", "/v2.6/agents/tls-node", "/serai/v1/nodes/tls-node"})
  void without_a_certificate_no_record_is_shown(String path) throws Exception {
    HttpGet.Response answer = withoutCertificate(path);
    assertThat(answer.status()).isEqualTo(403);
    assertThat(answer.body().toText())
        .startsWith("{\"errors\":[{\"status\":\"403\",\"title\":\"Forbidden\"")
        .contains("requires admin authentication (mTLS certificate)");
  }

  @Test
  void without_a_certificate_the_version_is_answered_for_agents_register_over_tls_too()
      throws Exception {
    assertThat(withoutCertificate("/version").status()).isEqualTo(200);
  }

  @Test
  void a_role_that_is_not_named_in_the_configuration_is_not_even_let_in() {
    assertThat(
            org.assertj.core.api.Assertions.catchThrowable(() -> as("registrar", "/v2.6/agents/")))
        .isNotNull();
  }

  @Test
  void the_hop_to_a_registrar_elsewhere_finds_the_same_record() {
    Object here = serai.template().requestBody("direct:lookup-node", NODE);
    Object there = serai.template().requestBody("direct:call-registrar-lookup", NODE);
    assertThat(there).isEqualTo(here).isInstanceOf(NodeRecord.class);
    Object unknown = serai.template().requestBody("direct:call-registrar-lookup", "nobody");
    assertThat(((Refused) unknown).reason().code()).isEqualTo(ReasonCode.NODE_UNKNOWN);
  }

  @Test
  void the_verifier_answers_the_issuer_and_nobody_else() throws Exception {
    SpiffeId verifier = SpiffeId.parse("spiffe://test.example/serai/verifier");
    int port = serai.port("serai.verifier.port");
    SSLContext nobody =
        TlsContexts.bundleOnly(() -> source("verifier").current().get().bundle(), verifier).get();
    assertThat(get(nobody, port, "/version").status()).isEqualTo(200);
    assertThat(get(nobody, port, "/v2.6/agents").status()).isEqualTo(403);
    assertThat(get(nobody, port, "/v2.6/allowlists").status()).isEqualTo(404);
    assertThat(get(nobody, port, "/serai/v1/appraise").status()).isEqualTo(405);
  }

  @Test
  void the_hop_to_an_issuer_elsewhere_delivers_the_report() {
    Object answer =
        serai
            .template()
            .requestBody(
                "direct:call-issuer-verdict",
                new dev.serai.appraisal.StateReport(
                    NODE,
                    dev.serai.appraisal.StateReport.State.UNREACHABLE,
                    java.util.List.of(),
                    java.time.Instant.now()));
    assertThat(answer).isNotInstanceOf(Refused.class);
  }

  @Test
  void nothing_of_a_record_leaks_over_the_clear_listener() throws IOException {
    String base = "http://127.0.0.1:" + serai.port("serai.registrar.port");
    Http.Answer answer = Http.send(base, "GET", "/serai/v1/nodes/" + NODE, "");
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.body()).isEmpty();
  }
}
