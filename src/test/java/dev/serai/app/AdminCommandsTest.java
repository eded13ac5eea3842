package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.app.CommandLineTest.Called;
import dev.serai.testing.SeraiHarness;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The verbs against a running issuer, over its admin socket. */
class AdminCommandsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PARENT = "spiffe://test.example/spire/agent/unified_identity/n1";
  private static SeraiHarness serai;

  @BeforeAll
  static void start() {
    serai = SeraiHarness.roles("issuer").start();
  }

  @AfterAll
  static void stop() {
    serai.close();
  }

  private static Called call(String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.add("--socket");
    all.add(serai.setting("serai.issuer.admin-socket"));
    return CommandLineTest.call(all.toArray(String[]::new));
  }

  private static JsonNode json(Called called) throws Exception {
    assertThat(called.err()).isEmpty();
    assertThat(called.exit()).isZero();
    return JSON.readTree(called.out());
  }

  private static JsonNode create(String path, String... more) throws Exception {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "entry",
                "create",
                "--json",
                "--spiffe-id",
                "spiffe://test.example" + path,
                "--parent-id",
                PARENT,
                "--selector",
                "unix:uid:1000"));
    arguments.addAll(List.of(more));
    return json(call(arguments.toArray(String[]::new)));
  }

  @Test
  void an_entry_is_created_shown_changed_listed_and_deleted() throws Exception {
    String id = create("/web", "--ttl", "600", "--dns", "web.example").path("id").asText();
    JsonNode shown = json(call("entry", "show", id, "--json"));
    assertThat(shown.path("spiffeId").asText()).isEqualTo("spiffe://test.example/web");
    assertThat(shown.path("selectors").get(0).asText()).isEqualTo("unix:uid:1000");
    assertThat(shown.path("x509SvidTtl").asInt()).isEqualTo(600);
    assertThat(shown.path("dnsNames").get(0).asText()).isEqualTo("web.example");

    JsonNode changed = json(call("entry", "update", id, "--ttl", "900", "--json"));
    assertThat(changed.path("x509SvidTtl").asInt()).isEqualTo(900);
    assertThat(changed.path("dnsNames").get(0).asText()).isEqualTo("web.example");

    JsonNode tokens = json(call("entry", "update", id, "--jwt-ttl", "60", "--jwt-jti", "--json"));
    assertThat(tokens.path("jwtSvidTtl").asInt()).isEqualTo(60);
    assertThat(tokens.path("jwtSvidJti").asBoolean()).isTrue();
    assertThat(tokens.path("x509SvidTtl").asInt()).isEqualTo(900);
    assertThat(
            json(call("entry", "update", id, "--jwt-jti=false", "--json"))
                .path("jwtSvidJti")
                .asBoolean(true))
        .isFalse();

    assertThat(json(call("entry", "list", "--json")).findValuesAsText("id")).contains(id);
    assertThat(call("entry", "list").out()).contains(id, "spiffe://test.example/web");

    assertThat(call("entry", "delete", id).exit()).isZero();
    Called gone = call("entry", "show", id);
    assertThat(gone.exit()).isEqualTo(1);
    assertThat(gone.err()).startsWith("serai: ENTRY_UNKNOWN: ");
  }

  @Test
  void a_second_entry_like_the_first_is_a_conflict() throws Exception {
    create("/twice");
    Called second =
        call(
            "entry",
            "create",
            "--spiffe-id",
            "spiffe://test.example/twice",
            "--parent-id",
            PARENT,
            "--selector",
            "unix:uid:1000");
    assertThat(second.exit()).isEqualTo(1);
    assertThat(second.err()).startsWith("serai: ENTRY_EXISTS: ").contains("| remedy: ");
  }

  @Test
  void flows_are_listed_and_shown_step_by_step() throws Exception {
    create("/flow");
    String[] where = {
      "--url",
      "http://127.0.0.1:" + serai.port("serai.management.port"),
      "--password-file",
      serai.stateDir().resolve("hawtio-password").toString()
    };
    String trace = "";
    for (JsonNode flow :
        json(CommandLineTest.call(with(where, "flow", "list", "--json"))).path("list")) {
      if (flow.path("entryRoute").asText().equals("create-entries")) {
        trace = flow.path("traceId").asText();
      }
    }
    assertThat(CommandLineTest.call(with(where, "flow", "show", trace)).out())
        .contains("create-entries", "ok", "STEP");
    assertThat(CommandLineTest.call(with(where, "flow", "list")).out())
        .contains(trace, "create-entries");
    Called none = CommandLineTest.call(with(where, "flow", "show", "0".repeat(32)));
    assertThat(none.exit()).isEqualTo(1);
    assertThat(none.err()).startsWith("serai: UNKNOWN_OPERATION: ");
  }

  private static String[] with(String[] where, String... words) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of(where));
    return all.toArray(String[]::new);
  }

  @Test
  void deleting_what_is_not_there_fails() {
    Called called = call("entry", "delete", "no-such-entry");
    assertThat(called.exit()).isEqualTo(1);
    assertThat(called.err()).startsWith("serai: ENTRY_UNKNOWN: ");
  }

  @Test
  void the_bundle_is_shown_as_pem_and_as_spiffe_document() throws Exception {
    String pem = call("bundle", "show").out();
    X509Certificate authority =
        (X509Certificate)
            CertificateFactory.getInstance("X.509")
                .generateCertificate(
                    new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)));
    JsonNode key = json(call("bundle", "show", "--format", "spiffe")).path("keys").get(0);
    assertThat(key.path("use").asText()).isEqualTo("x509-svid");
    assertThat(key.path("kty").asText()).isEqualTo("EC");
    assertThat(key.path("crv").asText()).isEqualTo("P-256");
    assertThat(Base64.getUrlDecoder().decode(key.path("x").asText())).hasSize(32);
    assertThat(Base64.getDecoder().decode(key.path("x5c").get(0).asText()))
        .isEqualTo(authority.getEncoded());
    JsonNode token = json(call("bundle", "show", "--format", "spiffe")).path("keys").get(1);
    assertThat(token.path("use").asText()).isEqualTo("jwt-svid");
    assertThat(token.path("kid").asText()).isNotEmpty();
    assertThat(token.path("kty").asText()).isEqualTo("EC");
    assertThat(token.path("crv").asText()).isEqualTo("P-256");
    assertThat(Base64.getUrlDecoder().decode(token.path("x").asText())).hasSize(32);
    assertThat(Base64.getUrlDecoder().decode(token.path("y").asText())).hasSize(32);
    assertThat(token.has("x5c")).isFalse();
  }

  @Test
  void a_token_is_made_once_each_time() throws Exception {
    String first = json(call("token", "create", "--json")).path("token").asText();
    String second = json(call("token", "create", "--json")).path("token").asText();
    assertThat(first).isNotBlank().isNotEqualTo(second);
  }

  @Test
  void no_nodes_is_an_empty_list_and_an_unknown_node_is_named() throws Exception {
    assertThat(json(call("node", "list", "--json"))).isEmpty();
    Called unknown = call("node", "show", "nobody");
    assertThat(unknown.exit()).isEqualTo(1);
    assertThat(unknown.err()).startsWith("serai: NODE_");
  }

  @Test
  void health_says_that_the_issuer_is_ready() throws Exception {
    Called called =
        CommandLineTest.call(
            "health", "--json", "--url", "http://127.0.0.1:" + serai.port("serai.management.port"));
    assertThat(json(called).path("ready").asBoolean()).isTrue();
    assertThat(
            CommandLineTest.call(
                    "health", "--url", "http://127.0.0.1:" + serai.port("serai.management.port"))
                .out())
        .contains("issuer", "rotate-authority");
  }
}
