package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.agent.AgentStatus;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.testing.Browser;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.spec.TpmHash;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Dashboard and console of a whole Serai with a software TPM, in a real browser. */
@Tag("slow")
class OperationsInBrowserTest {
  private static final Duration SOON = Duration.ofSeconds(90);
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path dir;
  private final SwTpm swtpm = SwTpm.fresh();
  private final HttpClient http = HttpClient.newHttpClient();
  private SeraiHarness serai;
  private String base;
  private String login;

  @BeforeEach
  void start() throws Exception {
    assumeTrue(Browser.isInstalled(), "no Chromium on this machine");
    Path trust = Files.createDirectories(dir.resolve("ek"));
    Files.writeString(trust.resolve("ca.pem"), pem(SwTpm.ekRoot().getEncoded()));
    serai =
        SeraiHarness.roles("issuer", "registrar", "verifier", "agent")
            .with("serai.tpm.tcti", swtpm.tcti())
            .with("serai.tpm.allow-software", "true")
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .with("serai.verifier.policy", "builtin:demo")
            .with("serai.verifier.interval", "1s")
            .with("serai.verifier.tick", "200ms")
            .with("serai.issuer.limit.attest", "100")
            .with("serai.issuer.limit.attest-burst", "100")
            .with("serai.agent.retry-first", "200ms")
            .with("serai.agent.denied-retry-first", "500ms")
            .with("serai.agent.denied-retry-most", "1s")
            .start();
    base = "http://127.0.0.1:" + serai.port("serai.management.port");
    login =
        "Basic "
            + Base64.getEncoder()
                .encodeToString(("serai:" + password()).getBytes(StandardCharsets.UTF_8));
  }

  @AfterEach
  void end() {
    if (serai != null) {
      serai.close();
    }
    swtpm.close();
  }

  private String password() throws Exception {
    return Files.readString(serai.stateDir().resolve("hawtio-password")).trim();
  }

  private static String pem(byte[] der) {
    return "-----BEGIN CERTIFICATE-----\n"
        + Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII)).encodeToString(der)
        + "\n-----END CERTIFICATE-----\n";
  }

  private String text(Browser browser, String selector) {
    return browser.evaluate(
        "(document.querySelector('" + selector + "') || {textContent: ''}).textContent");
  }

  private void sees(Browser browser, String selector, String... words) {
    await().atMost(SOON).untilAsserted(() -> assertThat(text(browser, selector)).contains(words));
  }

  private JsonNode api(String what) throws Exception {
    HttpResponse<String> answer =
        http.send(
            HttpRequest.newBuilder(URI.create(base + "/dashboard/api/" + what))
                .header("Authorization", login)
                .build(),
            HttpResponse.BodyHandlers.ofString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    return JSON.readTree(answer.body());
  }

  @Test
  void the_dashboard_shows_a_node_from_trusted_to_untrusted_and_the_way_there() throws Exception {
    await().atMost(SOON).until(() -> serai.bean("agentStatus", AgentStatus.class).attested());
    String nodeId = serai.bean("agentStatus", AgentStatus.class).nodeId().orElseThrow();
    try (Browser browser = new Browser()) {
      browser.authorization(login);
      browser.open(base + "/");
      sees(browser, "#nodes-list", nodeId, "TRUSTED");
      sees(browser, "#roles", "registrar", "verifier", "issuer", "agent", "ready");
      sees(browser, "#events", "ATTESTED", "attestation, issuer");
      sees(browser, "#documents-list", "authority (ACTIVE)", "agent SVID", "role SVID");
      sees(browser, "#breakers-list", "None is open");
      browser.picture("dashboard");
      browser.evaluate("window.sameDocument = 'yes'");

      String trace = attestation(nodeId);
      browser.evaluate("document.getElementById('trace').value = '" + trace + "'");
      browser.evaluate("document.querySelector('#find button').click()");
      sees(
          browser,
          "#flow",
          trace,
          "attest-to-issuer",
          "call-tpm-certify",
          "attest-agent",
          "consume-nonce",
          "appraise-evidence",
          "check-pcr-policy",
          "record-node");
      browser.picture("dashboard-flow");

      serai.bean("tpm", Tpm.class).extendPcr(7, TpmHash.SHA256, Bytes.copyOf(new byte[32]));
      sees(browser, "#nodes-list", "UNTRUSTED", "PCR_VALUE_NOT_ALLOWED");
      sees(browser, "#events", "REJECTED", "UNTRUSTED", "DENIED");
      sees(browser, "#roles", "DENIED", "PCR_VALUE_NOT_ALLOWED");
      assertThat(browser.evaluate("window.sameDocument")).isEqualTo("yes");
      browser.evaluate("window.scrollTo(0, 0)");
      browser.picture("dashboard-untrusted");
      browser.scheme("dark");
      browser.picture("dashboard-dark");
      browser.size(390, 844);
      browser.picture("dashboard-phone-dark");
      browser.scheme("light");
      browser.picture("dashboard-phone");
      for (String part : List.of("nodes", "timeline", "documents", "flows", "flow")) {
        browser.evaluate("document.getElementById('" + part + "').scrollIntoView()");
        browser.picture("dashboard-phone-" + part);
      }
      assertThat(browser.evaluate("String(document.documentElement.scrollWidth)"))
          .as("nothing sticks out on a phone")
          .isEqualTo("390");
      assertThat(browser.refusedLoads()).isEmpty();
      serai.close();
      serai = null;
      sees(browser, "#away", "does not answer");
      browser.evaluate("window.scrollTo(0, 0)");
      browser.picture("dashboard-away");
    }
  }

  @Test
  void the_console_draws_our_routes_and_traces_an_attestation_without_a_secret() throws Exception {
    await().atMost(SOON).until(() -> serai.bean("agentStatus", AgentStatus.class).attested());
    String token;
    try (Browser browser = new Browser()) {
      browser.authorization(login);
      browser.open(base + "/hawtio/camel");
      clicks(browser, "attest-node");
      clicks(browser, "Route Diagram");
      await()
          .atMost(SOON)
          .untilAsserted(
              () ->
                  assertThat(text(browser, ".camel-route-diagram"))
                      .contains("consume-nonce", "issue-agent-svid", "refuse-verdict"));
      browser.picture("console-diagram");
      startTracing();
      clicks(browser, "Trace");
      sees(browser, "#trace-header-container", "Stop Tracing");
      token = joinToken();
      changeMachine();
      await()
          .atMost(SOON)
          .untilAsserted(
              () ->
                  assertThat(text(browser, "table[aria-label=\"message table\"]"))
                      .contains("consume-nonce", "to-appraise", "refuse-verdict"));
      browser.evaluate(
          "document.querySelector('table[aria-label=\"message table\"] tbody button').click()");
      await()
          .atMost(SOON)
          .untilAsserted(() -> assertThat(text(browser, "body")).contains("traceId", "outcome"));
      browser.picture("console-trace");
    } // an open console asks for the figures of all routes again and again

    String dump = traceDump();
    assertThat(dump).contains("<routeId>", "<toNode>", "<exchangeId>");
    assertThat(dump.replaceAll("<body>what messages hold is not shown</body>", ""))
        .as("no body of any message")
        .doesNotContain("<body");
    assertThat(
            Pattern.compile("<header key=\"([^\"]*)\"")
                .matcher(dump)
                .results()
                .map(found -> found.group(1)))
        .as("no header, property or variable of any message")
        .containsOnly("traceId", "route", "step", "outcome", "microseconds");
    System.setProperty("serai.test.secret", TEST_SECRET);
    try {
      String everything = dump + everythingReadable();
      assertThat(everything).contains("attest-node", "HeapMemoryUsage");
      for (String secret : secrets(token)) {
        assertThat(everything.contains(secret)).as("a secret is shown").isFalse();
      }
    } finally {
      System.clearProperty("serai.test.secret");
    }
  }

  private static final String TEST_SECRET = "a-secret-in-a-system-property-7f3a";

  /** A join token, while everything is traced. */
  private String joinToken() {
    ManagedChannel admin = SpiffeChannels.unix(Path.of(serai.setting("serai.issuer.admin-socket")));
    try {
      return AgentGrpc.newBlockingStub(admin)
          .createJoinToken(CreateJoinTokenRequest.newBuilder().setTtl(600).build())
          .getValue();
    } finally {
      admin.shutdownNow();
    }
  }

  /** Every secret this test can find: the login, a token, and all private keys of this process. */
  private List<String> secrets(String token) throws Exception {
    List<String> secrets = new ArrayList<>(List.of(password(), login, token, TEST_SECRET));
    System.getenv()
        .forEach(
            (name, value) -> {
              if (name.matches(".*(TOKEN|SECRET|PASSWORD|KEY).*") && value.length() > 8) {
                secrets.add(value);
              }
            });
    try (Stream<Path> files = Files.walk(serai.stateDir())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        byte[] bytes = Files.readAllBytes(file);
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        boolean pem = text.contains("PRIVATE KEY-----");
        if (pem) {
          text.lines().filter(line -> line.length() == 64).forEach(secrets::add);
        } else if (file.toString().contains("key") && bytes.length < 4_096) {
          secrets.add(Base64.getEncoder().encodeToString(bytes));
          secrets.add(Bytes.copyOf(bytes).toHex());
        }
      }
    }
    assertThat(secrets).as("keys were found").hasSizeGreaterThan(6);
    return secrets;
  }

  /** Asked a second time when the server closes the idle connection that the question went to. */
  private JsonNode jolokia(String body) throws Exception {
    HttpRequest question =
        HttpRequest.newBuilder(URI.create(base + "/hawtio/jolokia"))
            .header("Authorization", login)
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    HttpResponse<String> answer;
    try {
      answer = http.send(question, HttpResponse.BodyHandlers.ofString());
    } catch (IOException e) {
      answer = http.send(question, HttpResponse.BodyHandlers.ofString());
    }
    return JSON.readTree(answer.body());
  }

  private String traceDump() throws Exception {
    StringBuilder dump = new StringBuilder();
    await()
        .atMost(SOON)
        .until(
            () -> {
              dump.append(
                  jolokia(
                          "{\"type\":\"exec\",\"mbean\":\""
                              + tracer()
                              + "\",\"operation\":\"dumpAllTracedMessagesAsXml()\"}")
                      .path("value")
                      .asText());
              return dump.indexOf("appraise-evidence") > 0 && dump.indexOf("call-tpm-certify") > 0;
            });
    return dump.toString();
  }

  /** All attributes of all MBeans that the policy lets anybody read. */
  private String everythingReadable() throws Exception {
    List<String> names = new ArrayList<>();
    jolokia("{\"type\":\"search\",\"mbean\":\"*:*\"}")
        .path("value")
        .forEach(name -> names.add(name.asText()));
    assertThat(names).hasSizeGreaterThan(200);
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < names.size(); i += 100) {
      List<Map<String, String>> bulk = new ArrayList<>();
      for (String name : names.subList(i, Math.min(names.size(), i + 100))) {
        bulk.add(Map.of("type", "read", "mbean", name));
      }
      all.append(jolokia(JSON.writeValueAsString(bulk)));
    }
    return all.toString();
  }

  /** As the console's button does; before the tab is opened, for it sets again what it finds. */
  private void startTracing() throws Exception {
    assertThat(
            jolokia(
                    "{\"type\":\"exec\",\"mbean\":\""
                        + tracer()
                        + "\",\"operation\":\"setEnabled\",\"arguments\":[true]}")
                .path("status")
                .asInt())
        .isEqualTo(200);
  }

  private String tracer() {
    return "org.apache.camel:context="
        + serai.camel().getManagementName()
        + ",type=tracer,name=BacklogTracerWithoutMessages";
  }

  private static void clicks(Browser browser, String words) {
    await()
        .atMost(SOON)
        .until(
            () ->
                browser
                    .evaluate(
                        """
                        (() => {
                          for (const e of document.querySelectorAll('button,a,span,li')) {
                            if (e.textContent.trim() === '%s' && e.children.length === 0) {
                              e.click();
                              return 'clicked';
                            }
                          }
                          return 'not there';
                        })()
                        """
                            .formatted(words))
                    .equals("clicked"));
  }

  /** A changed PCR has the node rejected; it attests again and again. */
  private void changeMachine() {
    serai.bean("tpm", Tpm.class).extendPcr(7, TpmHash.SHA256, Bytes.copyOf(new byte[32]));
  }

  /** The trace id of the attestation that admitted the node. */
  private String attestation(String nodeId) throws Exception {
    List<String> found = new ArrayList<>();
    for (JsonNode event : api("timeline?limit=1000").path("list")) {
      if (event.path("kind").asText().equals("ATTESTATION")
          && event.path("subject").asText().equals(nodeId)
          && event.path("outcome").asText().equals("TRUSTED")) {
        found.add(event.path("traceId").asText());
      }
    }
    assertThat(found).isNotEmpty();
    return found.get(0);
  }
}
