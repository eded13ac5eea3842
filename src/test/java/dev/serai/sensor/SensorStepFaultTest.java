package dev.serai.sensor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.audit.AuditEvent;
import dev.serai.camara.Area;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.Refused;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.operator.FakeOperator;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.Processor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The routes in process, and each of their steps broken once: a refusal and nothing else. */
class SensorStepFaultTest {
  private static final String IMEI = "356345043865103";
  private static final String IMSI = "214070610960475";
  private static final Set<String> SEEN = ConcurrentHashMap.newKeySet();
  private static final Set<String> BROKEN = ConcurrentHashMap.newKeySet();

  @TempDir static Path dir;
  private static FakeOperator operator;
  private static SeraiHarness serai;
  private static SensorClient client;

  /** The product's role, each step of which the test can break. */
  private static final class BreakableSensor implements Role {
    @Override
    public String name() {
      return "sensor";
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
      new SensorRole().bind(breakable);
    }
  }

  @BeforeAll
  static void start() {
    operator = FakeOperator.start(FakeOperator.Dialect.CAMARA);
    operator.locate("+34696810912", 40.33, -3.7707);
    SeraiHarness harness =
        SeraiHarness.roles()
            .withRole(new BreakableSensor())
            .with("serai.camara.cache-ttl", "0s")
            .with("serai.camara.per-second", "1000")
            .with("serai.camara.burst", "1000");
    operator.settings(dir).forEach(harness::with);
    serai = harness.start();
    client = SensorClient.of(serai);
    serai
        .bean("deviceAdministration", DeviceAdministration.class)
        .create(
            dev.serai.proto.serai.v1.Device.newBuilder()
                .setType("mobile")
                .setSensorId("12d1:1433")
                .setImei(IMEI)
                .setImsi(IMSI)
                .setMsisdn("+34696810912")
                .setLatitude(40.33)
                .setLongitude(-3.7707)
                .setAccuracy(7)
                .setNodeId("node-1")
                .build());
  }

  @AfterAll
  static void stop() {
    serai.close();
    operator.close();
  }

  @AfterEach
  void heal() {
    BROKEN.clear();
  }

  private static LocationCheck check(String node) {
    return new LocationCheck(
        new SensorIds(
            Optional.empty(),
            Optional.of(IMEI),
            Optional.of(IMSI),
            Optional.empty(),
            Optional.empty()),
        Optional.of("mobile"),
        Optional.empty(),
        false,
        Optional.of(node));
  }

  @Test
  void roles_of_the_process_ask_by_routes() {
    Object checked = serai.template().requestBody("direct:verify-location", check("node-1"));
    assertThat(checked)
        .isInstanceOfSatisfying(
            CheckedLocation.class,
            c -> {
              assertThat(c.answer().verdict().isTrue()).isTrue();
              assertThat(c.device().flatMap(Device::node)).contains("node-1");
            });
    Object signed =
        serai
            .template()
            .requestBody(
                "direct:endorse-location",
                new EndorsementRequest(
                    IMEI, IMSI, "0123456789abcdef", Optional.of(new Area(40.33, -3.77, 500))));
    assertThat(signed).isInstanceOf(SignedLocation.class);
    assertThat(((SignedLocation) signed).endorsement().deviceIdHash())
        .as("keyed in strict privacy")
        .hasSize(64)
        .isNotEqualTo(AuditEvent.sha256((IMEI + "||" + IMSI).getBytes(StandardCharsets.US_ASCII)));
    assertThat(operator.complaints()).isEmpty();
  }

  @Test
  void n29_a_sensor_of_another_node_is_unbound() {
    Object refused = serai.template().requestBody("direct:verify-location", check("node-2"));
    assertThat(refused)
        .isInstanceOfSatisfying(
            Refused.class, r -> assertThat(r.reason().code()).isEqualTo(ReasonCode.SENSOR_UNBOUND));
  }

  @Test
  void in_strict_privacy_an_answer_says_nothing_that_the_caller_did_not() {
    SensorClient.Answer answer = client.post("/verify", "{\"sensor_id\":\"12d1:1433\"}");
    assertThat(answer.json().path("verification_result").booleanValue()).isTrue();
    assertThat(answer.text()).doesNotContain(IMEI, IMSI, "34696810912", "40.33");
    assertThat(answer.json().path("sensor_imei").isNull()).isTrue();
  }

  /** For each step a request that passes it. */
  private static final Map<String, String> VERIFY =
      Map.of("path", "/verify", "body", "{\"sensor_id\":\"12d1:1433\"}");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "readSensorCall",
        "readVerifyRequest",
        "findSensor",
        "recallOperatorAnswer",
        "checkOperatorPause",
        "askOperator",
        "concludeLocationCheck",
        "answerVerification",
        "writeHttpAnswer"
      })
  void a_broken_step_of_a_check_is_a_refusal(String step) {
    assertThat(SEEN).contains(step);
    BROKEN.add(step);
    refused(client.post(VERIFY.get("path"), VERIFY.get("body")));
    BROKEN.clear();
    assertThat(client.post(VERIFY.get("path"), VERIFY.get("body")).status()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "readEndorsementRequest",
        "prepareEndorsement",
        "findSensor",
        "askOperator",
        "concludeLocationCheck",
        "signEndorsement",
        "answerEndorsement"
      })
  void a_broken_step_of_an_endorsement_signs_nothing(String step) {
    assertThat(SEEN).contains(step);
    BROKEN.add(step);
    SensorClient.Answer answer =
        client.post(
            "/signed-endorsement",
            "{\"imei\":\"%s\",\"imsi\":\"%s\",\"nonce\":\"0123456789abcdef\"}"
                .formatted(IMEI, IMSI));
    refused(answer);
    assertThat(answer.text()).doesNotContain("signature");
  }

  @ParameterizedTest
  @ValueSource(strings = {"readLookupRequest", "lookupMsisdn"})
  void a_broken_step_of_a_lookup_finds_nothing(String step) {
    assertThat(SEEN).contains(step);
    BROKEN.add(step);
    SensorClient.Answer answer = client.post("/lookup_msisdn", "{\"sensor_id\":\"12d1:1433\"}");
    refused(answer);
    assertThat(answer.text()).doesNotContain("found");
  }

  private static void refused(SensorClient.Answer answer) {
    assertThat(answer.reason()).isEqualTo(ReasonCode.INTERNAL_ERROR.name());
    assertThat(answer.status()).isEqualTo(500);
    assertThat(answer.text()).doesNotContain("verification_result", "broken by the test");
  }
}
