package dev.serai.sensor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.location.DeviceAnswer;
import dev.serai.location.DeviceKey;
import dev.serai.location.DeviceQuestion;
import dev.serai.location.EndorsedAnswer;
import dev.serai.location.GeoPoint;
import dev.serai.location.LocateJson;
import dev.serai.location.LocationReading;
import dev.serai.location.Region;
import dev.serai.location.SensorAnswer;
import dev.serai.location.SensorAnswer.Standing;
import dev.serai.location.SensorAnswer.Word;
import dev.serai.location.SensorQuestion;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.Refused;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.operator.FakeOperator;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The verifier's question about a sensor, by route and over HTTP. */
class LocateDeviceTest {
  private static final String IMEI = "356345043865103";
  private static final String IMSI = "214070610960475";
  private static final String NONCE = "0123456789abcdef";

  @TempDir static Path dir;
  private static FakeOperator operator;
  private static SeraiHarness serai;
  private static DeviceKey names;

  @BeforeAll
  static void start() {
    operator = FakeOperator.start(FakeOperator.Dialect.CAMARA);
    operator.locate("+34696810912", 40.33, -3.7707);
    SeraiHarness harness =
        SeraiHarness.roles("sensor")
            .with("serai.camara.cache-ttl", "0s")
            .with("serai.camara.per-second", "1000")
            .with("serai.camara.burst", "1000");
    operator.settings(dir).forEach(harness::with);
    names = DeviceKey.in(dir.resolve("issuer.key"));
    serai = harness.with("serai.sensor.device-key", dir.resolve("issuer.key").toString()).start();
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
                .setAccuracy(2_000)
                .setNodeId("node-1")
                .build());
  }

  @AfterAll
  static void stop() {
    serai.close();
    operator.close();
  }

  private static SensorQuestion question(
      String node, String imei, String imsi, Optional<Region.Circle> area) {
    return new SensorQuestion(
        node,
        new LocationReading(
            LocationReading.MOBILE,
            "12d1:1433",
            Optional.of(imei),
            Optional.of(imsi),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Instant.parse("2026-11-26T12:00:00Z"),
            "modem"),
        area,
        Duration.ofMinutes(10),
        NONCE);
  }

  private static Optional<Region.Circle> around(double latitude, double longitude) {
    return Optional.of(new Region.Circle("asked", new GeoPoint(latitude, longitude), 5_000));
  }

  private static SensorAnswer ask(SensorQuestion question) {
    Object answer = serai.template().requestBody("direct:locate-device", question);
    assertThat(answer).isInstanceOf(SensorAnswer.class);
    return (SensorAnswer) answer;
  }

  @Test
  void a_node_s_own_sensor_is_bound_and_the_operator_is_asked_only_when_an_area_is_named() {
    SensorAnswer answer = ask(question("node-1", IMEI, IMSI, Optional.empty()));
    assertThat(answer.standing()).isEqualTo(Standing.BOUND);
    assertThat(answer.operator()).isEmpty();
    assertThat(answer.msisdn()).contains("tel:+34696810912");
  }

  @Test
  void the_operator_s_yes_is_signed_and_its_no_is_not() {
    SensorAnswer there = ask(question("node-1", IMEI, IMSI, around(40.33, -3.77)));
    assertThat(there.operator()).contains(Word.TRUE);
    assertThat(there.endorsement().orElseThrow().json())
        .contains("\"latitude\": 40.33", "\"nonce\": \"" + NONCE + "\"");
    SensorQuestion asked = question("node-1", IMEI, IMSI, around(40.33, -3.77));
    assertThat(EndorsedAnswer.refutation(asked, there, Instant.now()))
        .as("what the verifier makes of it")
        .isEmpty();
    SensorAnswer elsewhere = ask(question("node-1", IMEI, IMSI, around(48.85, 2.35)));
    assertThat(elsewhere.standing()).isEqualTo(Standing.BOUND);
    assertThat(elsewhere.operator()).contains(Word.FALSE);
    assertThat(elsewhere.endorsement()).isEmpty();
  }

  @Test
  void n29_a_sensor_of_another_node_or_with_another_sim_is_unbound() {
    assertThat(ask(question("node-2", IMEI, IMSI, Optional.empty())).standing())
        .isEqualTo(Standing.UNBOUND);
    assertThat(ask(question("node-1", IMEI, "214070610960476", Optional.empty())).standing())
        .isEqualTo(Standing.UNBOUND);
  }

  @Test
  void n30_a_sensor_that_nobody_registered_is_unknown() {
    SensorAnswer answer =
        ask(question("node-1", "490154203237518", "310150123456789", around(40.33, -3.77)));
    assertThat(answer.standing()).isEqualTo(Standing.UNKNOWN);
    assertThat(answer.operator()).isEmpty();
  }

  @Test
  void a_verifier_of_another_process_gets_the_same_answer() throws Exception {
    SensorClient.Answer answer =
        SensorClient.of(serai)
            .post(
                "/serai/v1/locate",
                LocateJson.write(question("node-1", IMEI, IMSI, around(40.33, -3.77))));
    assertThat(answer.status()).isEqualTo(200);
    SensorAnswer read = LocateJson.readAnswer(answer.text());
    assertThat(read.standing()).isEqualTo(Standing.BOUND);
    assertThat(read.operator()).contains(Word.TRUE);
    assertThat(SensorClient.of(serai).post("/serai/v1/locate", "{}").reason())
        .isEqualTo(ReasonCode.MALFORMED_REQUEST.name());
  }

  /** As the issuer names it in an SVID after it was told this much of it. */
  private static String name(String imei) {
    return names.device(question("node-1", imei, IMSI, Optional.empty()).reading()).toHex();
  }

  private static DeviceQuestion byName(String name) {
    return new DeviceQuestion(
        "mobile",
        Optional.of(name),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        false);
  }

  private static Object asked(SeraiHarness whom, DeviceQuestion question) {
    return whom.template().requestBody("direct:verify-device", question);
  }

  @Test
  void a_gate_asks_by_the_name_that_a_device_has_in_svids_and_is_told_no_other() {
    assertThat(asked(serai, byName(name(IMEI)))).isEqualTo(DeviceAnswer.CONFIRMED);
    SensorClient.Answer answer =
        SensorClient.of(serai).post("/verify", "{\"device\":\"%s\"}".formatted(name(IMEI)));
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.json().path("verification_status").asText()).isEqualTo("TRUE");
    assertThat(answer.text()).doesNotContain(IMEI, IMSI, "696810912", "12d1:1433", "40.33");
  }

  @Test
  void a_name_that_stands_for_no_registered_device_confirms_nothing() {
    String imei = "490154203237518";
    assertThat(asked(serai, byName(name(imei)))).isEqualTo(DeviceAnswer.DENIED);
    assertThat(
            SensorClient.of(serai)
                .post("/verify", "{\"device\":\"%s\"}".formatted(name(imei)))
                .reason())
        .isEqualTo(ReasonCode.SENSOR_UNKNOWN.name());
    assertThat(
            SensorClient.of(serai)
                .post(
                    "/verify",
                    "{\"device\":\"%s\",\"sensor_imei\":\"%s\"}".formatted(name(IMEI), imei))
                .reason())
        .isEqualTo(ReasonCode.SENSOR_UNKNOWN.name());
  }

  @Test
  void a_device_that_is_registered_or_deleted_gains_or_loses_its_name_at_once() {
    String imei = "490154203237518";
    DeviceAdministration registry = serai.bean("deviceAdministration", DeviceAdministration.class);
    operator.locate("+34696810999", 48.85, 2.35);
    String id =
        registry
            .create(
                dev.serai.proto.serai.v1.Device.newBuilder()
                    .setType("mobile")
                    .setSensorId("12d1:1433")
                    .setImei(imei)
                    .setImsi("214070610960999")
                    .setMsisdn("+34696810999")
                    .setLatitude(41.0)
                    .setLongitude(-3.0)
                    .setAccuracy(2_000)
                    .build())
            .getId();
    assertThat(asked(serai, byName(name(imei)))).isEqualTo(DeviceAnswer.DENIED);
    operator.locate("+34696810999", 41.0, -3.0);
    assertThat(asked(serai, byName(name(imei)))).isEqualTo(DeviceAnswer.CONFIRMED);
    registry.delete(dev.serai.proto.serai.v1.ShowDeviceRequest.newBuilder().setId(id).build());
    assertThat(asked(serai, byName(name(imei)))).isEqualTo(DeviceAnswer.DENIED);
    assertThat(asked(serai, byName(name(IMEI)))).isEqualTo(DeviceAnswer.CONFIRMED);
  }

  @Test
  void n33_without_an_operator_there_is_no_answer() {
    try (SeraiHarness alone = SeraiHarness.roles("sensor").start()) {
      alone
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
                  .setAccuracy(2_000)
                  .build());
      Object answer =
          alone
              .template()
              .requestBody(
                  "direct:locate-device", question("node-9", IMEI, IMSI, around(40.33, -3.77)));
      assertThat(answer)
          .isInstanceOfSatisfying(
              Refused.class,
              r -> assertThat(r.reason().code()).isEqualTo(ReasonCode.OPERATOR_NOT_CONFIGURED));
      assertThat(asked(alone, byName(name(IMEI))))
          .as("without the issuer's key")
          .isInstanceOfSatisfying(
              Refused.class,
              r -> assertThat(r.reason().code()).isEqualTo(ReasonCode.CONFIGURATION_INVALID));
    }
  }
}
