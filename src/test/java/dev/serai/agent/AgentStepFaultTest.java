package dev.serai.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.keylime.KeylimeJson;
import dev.serai.plugin.PluginCall;
import dev.serai.plugin.PluginTypes;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.PermissionDeniedDetails;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.Refused;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import dev.serai.testing.UnixHttp;
import dev.serai.tpm.Bytes;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.Processor;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each step of each of the agent's routes is made to throw: the agent names it and goes on. */
@Tag("slow")
class AgentStepFaultTest {
  private static final Set<String> BROKEN = ConcurrentHashMap.newKeySet();
  private static final Set<String> SEEN = ConcurrentHashMap.newKeySet();
  @TempDir static Path dir;
  private static SwTpm tpm;
  private static FakeIssuer issuer;
  private static SeraiHarness registrar;
  private static SeraiHarness agent;

  /** The agent role, with a switch on every step. */
  private static final class BreakableAgent implements Role {
    @Override
    public String name() {
      return "agent";
    }

    @Override
    public void bind(RoleContext context) {
      RoleContext breakable =
          (RoleContext)
              Proxy.newProxyInstance(
                  RoleContext.class.getClassLoader(),
                  new Class<?>[] {RoleContext.class},
                  (proxy, method, args) -> {
                    if (method.getName().equals("bind") && args[1] instanceof Processor step) {
                      String name = (String) args[0];
                      SEEN.add(name);
                      args[1] =
                          (Processor)
                              exchange -> {
                                if (BROKEN.contains(name)) {
                                  throw new IllegalStateException("broken by the test");
                                }
                                step.process(exchange);
                              };
                    }
                    try {
                      return method.invoke(context, args);
                    } catch (InvocationTargetException e) {
                      throw e.getCause();
                    }
                  });
      new AgentRole().bind(breakable);
    }
  }

  @BeforeAll
  static void start() throws Exception {
    tpm = SwTpm.provisioned();
    issuer = new FakeIssuer(SeraiHarness.freePort()).start();
    Path trust = Files.createDirectories(dir.resolve("ek"));
    Files.writeString(trust.resolve("ca.pem"), Pem.certificates(List.of(SwTpm.ekRoot())));
    Files.writeString(dir.resolve("bundle.pem"), issuer.bundlePem());
    Files.writeString(
        dir.resolve("site.json"),
        "{\"type\":\"mobile\",\"sensor_id\":\"12d1:1433\",\"source\":\"file\"}");
    registrar =
        SeraiHarness.roles("registrar")
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .start();
    agent =
        SeraiHarness.roles()
            .withRole(new BreakableAgent())
            .with("serai.tpm.tcti", tpm.tcti())
            .with("serai.tpm.allow-software", "true")
            .with("serai.agent.issuer", "127.0.0.1:" + issuer.port())
            .with(
                "serai.agent.registrar",
                "http://127.0.0.1:" + registrar.port("serai.registrar.port"))
            .with("serai.agent.trust-bundle", dir.resolve("bundle.pem").toString())
            .with("serai.agent.retry-first", "50ms")
            .with("serai.agent.retry-most", "100ms")
            .with("serai.agent.denied-retry-first", "50ms")
            .with("serai.agent.denied-retry-most", "100ms")
            .with("serai.tpm.check-interval", "100ms")
            .with("serai.agent.plugin-socket", socket().toString())
            .with("serai.agent.location.sensors", "file")
            .with("serai.agent.location.file", dir.resolve("site.json").toString())
            .start();
  }

  @AfterAll
  static void end() {
    agent.close();
    registrar.close();
    issuer.close();
    tpm.close();
  }

  @AfterEach
  void heal() {
    BROKEN.clear();
    issuer.refuseAttest.set(Optional.empty());
  }

  private static AgentStatus status() {
    return agent.bean("agentStatus", AgentStatus.class);
  }

  private static void attested() {
    await().atMost(Duration.ofSeconds(60)).until(status()::attested);
    await().atMost(Duration.ofSeconds(60)).until(() -> !issuer.watchers.isEmpty());
  }

  private static void named(ReasonCode code) {
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> status().state().reason().map(Reason::code).equals(Optional.of(code)));
    assertThat(status().state().nextTry()).isPresent();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "beginAttestation",
        "addLocation",
        "askCertify",
        "keepCertify",
        "quotePlatform",
        "answerChallenge",
        "keepAgentSvid"
      })
  void attestation(String step) {
    attested();
    BROKEN.add(step);
    issuer.refuse(FakeIssuer.spireDenied(PermissionDeniedDetails.Reason.AGENT_NOT_ATTESTED));
    named(ReasonCode.INTERNAL_ERROR);
    BROKEN.clear();
    attested();
  }

  @ParameterizedTest
  @ValueSource(strings = {"readTpmIdentity", "recallEnrolment", "loadAppKey", "recallAgentSvid"})
  void opening(String step) {
    attested();
    BROKEN.add(step);
    status().on(new AgentEvent.TpmLost(new Reason(ReasonCode.TPM_UNAVAILABLE, "test")));
    named(ReasonCode.INTERNAL_ERROR);
    BROKEN.clear();
    attested();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "askRegistrarVersion",
        "describeNode",
        "readCredential",
        "proveActivation",
        "keepEnrolment"
      })
  void enrolment(String step) {
    attested();
    BROKEN.add(step);
    issuer.refuseAttest.set(
        Optional.of(FakeIssuer.denied(ReasonCode.NODE_UNKNOWN, Optional.empty())));
    issuer.refuse(FakeIssuer.spireDenied(PermissionDeniedDetails.Reason.AGENT_NOT_ATTESTED));
    named(ReasonCode.INTERNAL_ERROR);
    issuer.refuseAttest.set(Optional.empty());
    BROKEN.clear();
    attested();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "beginSync",
        "fetchBundle",
        "fetchEntries",
        "makeWorkloadKeys",
        "requestSvids",
        "publishIdentities"
      })
  void synchronisation(String step) {
    attested();
    BROKEN.add(step);
    int before = agent.context().find("workloadSvids", WorkloadSvids.class).entries().size();
    issuer.entry(
        Entry.newBuilder()
            .setId("entry-" + step)
            .setSpiffeId(
                SPIFFEID.newBuilder().setTrustDomain(FakeIssuer.DOMAIN).setPath("/" + step))
            .addSelectors(Selector.newBuilder().setType("unix").setValue("uid:4711"))
            .setCreatedAt(1)
            .build());
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () ->
                agent.context().meters().find("serai.refusals").counters().stream()
                    .anyMatch(c -> c.getId().getTag("route").matches("sync-entries|fetch-svids")));
    assertThat(status().attested()).isTrue();
    BROKEN.clear();
    issuer.tell();
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () ->
                agent.context().find("workloadSvids", WorkloadSvids.class).entries().size()
                    > before);
  }

  private static Path socket() {
    return dir.resolve("p/p.sock");
  }

  private static void assertRefused(String step, String route, Object body) {
    ProducerTemplate template = agent.template();
    Object good = template.requestBody(route, body);
    assertThat(good).as(route).isNotInstanceOf(Refused.class);
    BROKEN.add(step);
    assertThat(template.requestBody(route, body))
        .isInstanceOfSatisfying(
            Refused.class,
            refused -> assertThat(refused.reason().code()).isEqualTo(ReasonCode.INTERNAL_ERROR));
  }

  private static AppKey appKey() {
    var exchange = new DefaultExchange(agent.camel());
    try {
      agent.bean("loadAppKey", Processor.class).process(exchange);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
    return exchange.getMessage().getBody(AppKey.class);
  }

  private static String certifyJson() {
    return "{\"app_key_public\":%s,\"challenge_nonce\":\"ab\"}"
        .formatted(KeylimeJson.write(Pem.publicKey(appKey().publicArea().publicKey())).toText());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"readCertifyRequest", "beginCertifyAppKey", "endCertifyAppKey", "answerCertified"})
  void delegated_certification(String step) {
    attested();
    assertRefused(
        step, "direct:answer-certify", new AgentApiCall.CertifyAppKey(Bytes.ofText(certifyJson())));
  }

  @ParameterizedTest
  @ValueSource(strings = {"readLocation", "extendLocationPcr", "answerLocation"})
  void location(String step) {
    attested();
    assertRefused(step, "direct:attest-location", new AgentApiCall.Location("ab"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"checkTypedData", "answerSignature"})
  void signing(String step) {
    attested();
    Bytes key = Bytes.copyOf(appKey().publicArea().publicKey().getEncoded());
    assertRefused(
        step,
        "direct:sign-typed-data",
        new PluginCall.SignData(PluginTypes.spireRequest(key), false, false));
  }

  @ParameterizedTest
  @CsvSource({
    "readPluginRequest, GET, /health",
    "answerPluginHealth, GET, /health",
    "writePluginAnswer, GET, /health",
    "answerAppKey, POST, /get-app-key",
    "answerPluginCertificate, POST, /request-certificate",
    "verifyPluginSignature, POST, /verify-signature"
  })
  void plugin(String step, String method, String path) throws Exception {
    attested();
    String body =
        path.equals("/request-certificate")
            ? certifyJson()
            : "{\"data\":\"aGVsbG8=\",\"signature\":\"MAA=\"}";
    assertThat(UnixHttp.call(socket(), method, path, body).status()).isEqualTo(200);
    BROKEN.add(step);
    UnixHttp.Answer answer = UnixHttp.call(socket(), method, path, body);
    assertThat(answer.status()).isEqualTo(500);
    assertThat(answer.body()).contains("INTERNAL_ERROR");
    BROKEN.clear();
    assertThat(UnixHttp.call(socket(), method, path, body).status()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(strings = {"chooseAgentAction", "keepIssuerWatch"})
  void heart_beat(String step) {
    attested();
    BROKEN.add(step);
    issuer.refuse(FakeIssuer.spireDenied(PermissionDeniedDetails.Reason.AGENT_NOT_ATTESTED));
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () ->
                agent
                        .context()
                        .meters()
                        .find("serai.refusals")
                        .tag("reason", "INTERNAL_ERROR")
                        .counters()
                        .stream()
                        .filter(
                            c ->
                                c.getId().getTag("route").equals("drive-agent")
                                    || c.getId().getTag("route").equals("watch-issuer"))
                        .count()
                    > 0);
    BROKEN.clear();
    attested();
  }

  @Test
  void a_watch_of_the_tpm_that_fails_is_a_refusal_and_costs_the_node_nothing() {
    attested();
    BROKEN.add("watchTpm");
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () ->
                agent
                        .context()
                        .meters()
                        .counter("serai.refusals", "route", "watch-tpm", "reason", "INTERNAL_ERROR")
                        .count()
                    > 0);
    assertThat(status().attested()).isTrue();
  }

  @Test
  void every_step_of_the_life_is_in_this_test() {
    assertThat(SEEN)
        .containsExactlyInAnyOrder(
            // broken above
            "beginAttestation",
            "addLocation",
            "askCertify",
            "keepCertify",
            "quotePlatform",
            "answerChallenge",
            "keepAgentSvid",
            "readTpmIdentity",
            "recallEnrolment",
            "loadAppKey",
            "recallAgentSvid",
            "askRegistrarVersion",
            "describeNode",
            "readCredential",
            "proveActivation",
            "keepEnrolment",
            "beginSync",
            "fetchBundle",
            "fetchEntries",
            "makeWorkloadKeys",
            "requestSvids",
            "publishIdentities",
            "chooseAgentAction",
            "keepIssuerWatch",
            "watchTpm",
            "readCertifyRequest",
            "beginCertifyAppKey",
            "endCertifyAppKey",
            "answerCertified",
            "readLocation",
            "extendLocationPcr",
            "answerLocation",
            "checkTypedData",
            "answerSignature",
            "readPluginRequest",
            "answerAppKey",
            "answerPluginCertificate",
            "verifyPluginSignature",
            "answerPluginHealth",
            "refusePluginRequest",
            "writePluginAnswer",
            // answers of the agent API and of the Workload API: their own tests
            "quoteIntegrity",
            "quoteIdentity",
            "readAgentRequest",
            "answerVersion",
            "describeAgent",
            "refuseAgentRequest",
            "writeAgentAnswer",
            "checkSecurityHeader",
            "attestWorkload",
            "streamX509Svids",
            "streamX509Bundles",
            "streamJwtBundles",
            "readJwtRequest",
            "fetchJwtSvids",
            "verifyJwtSvid",
            // nothing to fail on: takes back what has ended
            "dropEndedSvids");
  }
}
