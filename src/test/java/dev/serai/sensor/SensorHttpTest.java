package dev.serai.sensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.serai.breaker.Breaker;
import dev.serai.breaker.Breakers;
import dev.serai.location.EndorsedAnswer;
import dev.serai.location.EndorsementKeySet;
import dev.serai.location.EndorsementVerifier;
import dev.serai.location.GeoPoint;
import dev.serai.location.LocationReading;
import dev.serai.location.Region;
import dev.serai.location.SensorAnswer;
import dev.serai.location.SensorQuestion;
import dev.serai.location.SignedEndorsement;
import dev.serai.reason.ReasonCode;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.operator.FakeOperator;
import dev.serai.testing.operator.FakeOperator.Mood;
import dev.serai.tpm.Bytes;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The service at its port, as the prototype's peers speak to it, with a real operator's wire. */
class SensorHttpTest {
  private static final String IMEI = "356345043865103";
  private static final String IMSI = "214070610960475";
  private static final String MSISDN = "+34696810912";
  private static final String OTHER_IMEI = "490154203237518";
  private static final String OTHER_IMSI = "214070610960476";
  private static final String OTHER_MSISDN = "+34696810913";
  private static final String NONCE = "8c2f0be10af65a7c9e0c1a2b3c4d5e6f";
  private static final Duration LONG = Duration.ofSeconds(60);

  @TempDir static Path dir;
  private static FakeOperator operator;
  private static SeraiHarness serai;
  private static SensorClient client;
  private static final AtomicReference<Instant> NOW = new AtomicReference<>(Instant.now());

  @BeforeAll
  static void start() {
    operator = FakeOperator.start(FakeOperator.Dialect.V0);
    SeraiHarness harness =
        SeraiHarness.roles("sensor")
            .withClock(NOW::get)
            .with("serai.privacy", "compat")
            .with("serai.sensor.limit", "100000")
            .with("serai.sensor.limit-burst", "100000")
            .with("serai.camara.per-second", "100000")
            .with("serai.camara.burst", "100000")
            .with("serai.camara.timeout", "20s")
            .with("serai.breaker.provider-failures", "2");
    operator.settings(dir).forEach(harness::with);
    serai = harness.start();
    client = SensorClient.of(serai);
    register(IMEI, IMSI, MSISDN, 40.33, -3.7707);
    register(OTHER_IMEI, OTHER_IMSI, OTHER_MSISDN, 41.0, -3.0);
    admin(
        dev.serai.proto.serai.v1.Device.newBuilder()
            .setType("gnss")
            .setSensorId("1546:01a9")
            .setSerialNumber("UBX-77")
            .build());
  }

  @AfterAll
  static void stop() {
    serai.close();
    operator.close();
  }

  /** Answers that are kept, a pause and an open breaker do not outlive an hour. */
  @BeforeEach
  void forget() {
    operator.reset();
    operator.locate(MSISDN, 40.33, -3.7707);
    operator.locate(OTHER_MSISDN, 41.0, -3.0);
    pass(Duration.ofHours(2));
  }

  @AfterEach
  void nothing_was_wrong_with_what_the_operator_was_sent() {
    assertThat(operator.complaints()).isEmpty();
  }

  private static void pass(Duration time) {
    NOW.updateAndGet(now -> now.plus(time));
  }

  private static void register(
      String imei, String imsi, String msisdn, double latitude, double longitude) {
    admin(
        dev.serai.proto.serai.v1.Device.newBuilder()
            .setType("mobile")
            .setSensorId("12d1:1433")
            .setImei(imei)
            .setImsi(imsi)
            .setMsisdn(msisdn)
            .setLatitude(latitude)
            .setLongitude(longitude)
            .setAccuracy(7.0)
            .build());
  }

  private static void admin(dev.serai.proto.serai.v1.Device device) {
    assertThat(
            serai.bean("deviceAdministration", DeviceAdministration.class).create(device).getId())
        .isNotEmpty();
  }

  private static String ids(String imei, String imsi) {
    return "\"sensor_imei\":\"%s\",\"sensor_imsi\":\"%s\"".formatted(imei, imsi);
  }

  private static String known(String more) {
    return "{" + ids(IMEI, IMSI) + more + "}";
  }

  private static void assertRefused(SensorClient.Answer answer, int status, ReasonCode code) {
    assertThat(answer.text()).contains(code.name());
    assertThat(answer.reason()).isEqualTo(code.name());
    assertThat(answer.status()).isEqualTo(status);
    assertThat(answer.json().path("error").asText()).isNotEmpty();
    assertThat(answer.json().path("verification_result").isMissingNode()).isTrue();
  }

  private static SensorClient.Answer verify(String body) {
    return client.post("/verify", body);
  }

  private static Breaker.State breaker() {
    return Breakers.of(serai.context())
        .find(Breakers.Kind.PROVIDER, "operator")
        .orElseThrow()
        .state();
  }

  @Test
  void verify_answers_with_the_prototypes_fields() {
    JsonNode json =
        verify(
                "{\"sensor_id\":\"12d1:1433\",\"sensor_type\":\"mobile\","
                    + ids(IMEI, IMSI)
                    + ",\"sensor_serial_number\":null,\"unheard_of\":1}")
            .json();
    assertThat(json.path("verification_result").isBoolean()).isTrue();
    assertThat(json.path("verification_result").booleanValue()).isTrue();
    assertThat(json.path("sensor_id").asText()).isEqualTo("12d1:1433");
    assertThat(json.path("sensor_imei").asText()).isEqualTo(IMEI);
    assertThat(json.path("sensor_imsi").asText()).isEqualTo(IMSI);
    assertThat(json.path("sensor_type").asText()).isEqualTo("mobile");
    assertThat(json.path("msisdn").asText()).isEqualTo("tel:" + MSISDN);
    assertThat(json.path("latitude").asDouble()).isEqualTo(40.33);
    assertThat(json.path("longitude").asDouble()).isEqualTo(-3.7707);
    assertThat(json.path("accuracy").asDouble()).isEqualTo(7.0);
    assertThat(json.path("sensor_serial_number").isNull()).isTrue();
    assertThat(operator.calls()).containsExactly("authorize", "token", "verify");
  }

  @Test
  void a_device_that_is_elsewhere_is_false() {
    operator.locate(MSISDN, 48.0, 11.0);
    JsonNode json = verify(known("")).json();
    assertThat(json.path("verification_result").isBoolean()).isTrue();
    assertThat(json.path("verification_result").booleanValue()).isFalse();
    assertThat(json.path("verification_status").asText()).isEqualTo("FALSE");
  }

  @Test
  void a_subscriber_with_a_place_needs_no_registered_device() {
    operator.locate("+34600000001", 10, 10);
    JsonNode json =
        verify("{\"msisdn\":\"tel:+34600000001\",\"latitude\":10,\"longitude\":10}").json();
    assertThat(json.path("verification_result").booleanValue()).isTrue();
    assertThat(json.path("accuracy").asDouble()).isEqualTo(1000.0);
    assertThat(json.path("msisdn").asText()).isEqualTo("tel:+34600000001");
  }

  @ParameterizedTest
  @CsvSource({
    "'{}', 400, SENSOR_MISSING",
    "'{\"sensor_id\":\"\",\"sensor_imei\":\"\"}', 400, SENSOR_MISSING",
    "'{\"latitude\":1.0,\"longitude\":1.0,\"accuracy\":5}', 400, SENSOR_MISSING",
    "'', 400, MALFORMED_REQUEST",
    "'[]', 400, MALFORMED_REQUEST",
    "'{\"sensor_imei\":5,\"sensor_imei\":6}', 400, MALFORMED_REQUEST",
    "'{\"sensor_imei\":\"356345043865104\"}', 400, IMEI_INVALID",
    "'{\"sensor_imsi\":\"21407\"}', 400, IMSI_INVALID",
    "'{\"msisdn\":\"0696810912\",\"latitude\":1,\"longitude\":1}', 400, MSISDN_INVALID",
    "'{\"msisdn\":\"+34696810912\",\"latitude\":91,\"longitude\":1}', 400, COORDINATES_INVALID",
    "'{\"msisdn\":\"+34696810912\",\"latitude\":1}', 400, COORDINATES_INVALID",
    "'{\"msisdn\":\"+34696810912\",\"latitude\":\"NaN\",\"longitude\":1}', 400,"
        + " COORDINATES_INVALID",
    "'{\"msisdn\":\"+34696810912\",\"latitude\":1,\"longitude\":1,\"accuracy\":0}', 400,"
        + " COORDINATES_INVALID",
    "'{\"sensor_id\":\"12d1:1433\"}', 409, SENSOR_AMBIGUOUS"
  })
  void what_is_no_question_is_an_error_and_the_operator_is_not_asked(
      String body, int status, ReasonCode code) {
    assertRefused(verify(body), status, code);
    assertThat(operator.calls()).isEmpty();
  }

  @Test
  void a_gnss_sensor_is_refused_in_the_prototypes_words() {
    for (String body :
        List.of(
            "{\"sensor_id\":\"x\",\"sensor_type\":\"gnss\"}",
            "{\"sensor_serial_number\":\"UBX-77\"}")) {
      SensorClient.Answer answer = verify(body);
      assertRefused(answer, 400, ReasonCode.SENSOR_TYPE_UNSUPPORTED);
      assertThat(answer.json().path("error").asText())
          .isEqualTo("unsupported_sensor_type_in_mobile_sidecar: gnss");
    }
  }

  @Test
  void n29_imei_and_imsi_that_are_not_registered_together_are_unbound() {
    assertRefused(verify("{" + ids(IMEI, OTHER_IMSI) + "}"), 403, ReasonCode.SENSOR_UNBOUND);
    assertRefused(verify("{" + ids(IMEI, "214070610960999") + "}"), 403, ReasonCode.SENSOR_UNBOUND);
    assertRefused(
        verify("{\"sensor_id\":\"other:model\"," + ids(IMEI, IMSI) + "}"),
        403,
        ReasonCode.SENSOR_UNBOUND);
    // Nor does a phone number with a place of its own bring an IMEI in.
    assertRefused(
        verify(
            "{\"sensor_imei\":\"%s\",\"msisdn\":\"%s\",\"latitude\":41,\"longitude\":-3}"
                .formatted(IMEI, OTHER_MSISDN)),
        403,
        ReasonCode.SENSOR_UNBOUND);
    assertRefused(
        client.post(
            "/signed-endorsement",
            "{\"imei\":\"%s\",\"imsi\":\"%s\",\"nonce\":\"%s\"}"
                .formatted(IMEI, OTHER_IMSI, NONCE)),
        403,
        ReasonCode.SENSOR_UNBOUND);
    assertThat(operator.calls()).isEmpty();
  }

  @Test
  void n30_an_unknown_sensor_is_refused_and_none_stands_in_for_it() {
    for (String body :
        List.of(
            "{\"sensor_id\":\"ffff:ffff\"}",
            "{" + ids("490154203237526", "214070610960999") + "}",
            "{\"msisdn\":\"+34600000009\"}")) {
      SensorClient.Answer answer = verify(body);
      assertRefused(answer, 404, ReasonCode.SENSOR_UNKNOWN);
      assertThat(answer.json().path("error").asText()).isEqualTo("sensor_not_found");
    }
    SensorClient.Answer endorsement =
        client.post("/signed-endorsement", "{\"nonce\":\"%s\"}".formatted(NONCE));
    assertRefused(endorsement, 400, ReasonCode.SENSOR_MISSING);
    assertThat(endorsement.json().path("error").asText()).isEqualTo("missing_device_identifiers");
    assertThat(operator.calls()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"SAYS_UNKNOWN, UNKNOWN", "CANNOT_LOCATE, UNKNOWN", "PARTIAL, PARTIAL"})
  void n33_an_operator_that_cannot_say_is_neither_true_nor_false(Mood mood, String status) {
    operator.mood(mood);
    SensorClient.Answer answer = verify(known(""));
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.json().path("verification_result").isNull()).isTrue();
    assertThat(answer.json().path("verification_status").asText()).isEqualTo(status);
    assertRefused(endorse(NONCE), 503, ReasonCode.LOCATION_UNDECIDED);
  }

  @Test
  void n33_unknown_is_not_kept() {
    operator.mood(Mood.SAYS_UNKNOWN);
    verify(known(""));
    operator.mood(Mood.WELL);
    assertThat(verify(known("")).json().path("verification_result").booleanValue()).isTrue();
  }

  @ParameterizedTest
  @CsvSource({"BROKEN, OPERATOR_UNREACHABLE", "GARBAGE, OPERATOR_ANSWER_INVALID"})
  void a11_a_broken_operator_opens_its_breaker_and_is_asked_again_later(
      Mood mood, ReasonCode code) {
    operator.mood(mood);
    assertRefused(verify(known("")), 503, code);
    assertRefused(verify(known("")), 503, code);
    assertThat(breaker()).isEqualTo(Breaker.State.OPEN);
    int asked = operator.calls().size();
    assertRefused(verify(known("")), 503, ReasonCode.OPERATOR_UNREACHABLE);
    assertThat(operator.calls()).hasSize(asked);
    operator.mood(Mood.WELL);
    pass(Duration.ofMinutes(1));
    assertThat(verify(known("")).json().path("verification_result").booleanValue()).isTrue();
    assertThat(breaker()).isEqualTo(Breaker.State.CLOSED);
  }

  @Test
  void a11_an_answer_that_is_kept_outlives_the_operator() {
    verify(known(""));
    operator.mood(Mood.BROKEN);
    assertThat(verify(known("")).json().path("cached").booleanValue()).isTrue();
    assertRefused(verify(known(",\"skip_cache\":true")), 503, ReasonCode.OPERATOR_UNREACHABLE);
  }

  @Test
  void a11_after_429_the_operator_is_left_alone_for_as_long_as_it_said() {
    operator.mood(Mood.TOO_MANY_REQUESTS);
    operator.retryAfter("90");
    assertRefused(verify(known("")), 503, ReasonCode.OPERATOR_BUSY);
    operator.mood(Mood.WELL);
    pass(Duration.ofSeconds(89));
    assertRefused(verify(known("")), 503, ReasonCode.OPERATOR_BUSY);
    assertThat(operator.calls()).isEmpty();
    assertThat(breaker()).isEqualTo(Breaker.State.CLOSED);
    pass(Duration.ofSeconds(2));
    assertThat(verify(known("")).json().path("verification_result").booleanValue()).isTrue();
  }

  @Test
  void a11_a_caller_in_a_hurry_is_told_and_the_question_goes_on_for_others() {
    operator.mood(Mood.SILENT);
    SensorClient.Answer hurried = client.post("/verify", known(""), "Serai-Timeout", "700");
    assertRefused(hurried, 504, ReasonCode.DEADLINE_EXCEEDED);
    CompletableFuture<SensorClient.Answer> patient =
        CompletableFuture.supplyAsync(() -> verify(known("")));
    operator.mood(Mood.WELL);
    assertThat(patient.join().json().path("verification_result").booleanValue()).isTrue();
    assertThat(operator.verifications()).isEqualTo(1);
    assertThat(breaker()).isEqualTo(Breaker.State.CLOSED);
  }

  @Test
  void a15_each_device_is_asked_about_once_while_its_answer_is_kept() {
    verify(known(""));
    verify("{" + ids(OTHER_IMEI, OTHER_IMSI) + "}");
    JsonNode again = verify(known("")).json();
    assertThat(again.path("cached").booleanValue()).isTrue();
    assertThat(again.path("msisdn").asText()).isEqualTo("tel:" + MSISDN);
    assertThat(operator.verifications()).isEqualTo(2);
    verify(known(",\"skip_cache\":true"));
    assertThat(operator.verifications()).isEqualTo(3);
    verify(known(",\"latitude\":40.34,\"longitude\":-3.77,\"accuracy\":5000"));
    assertThat(operator.verifications()).isEqualTo(4);
    pass(Duration.ofMinutes(16));
    verify(known(""));
    assertThat(operator.verifications()).isEqualTo(5);
  }

  /** The rule of the node says how old the operator's word may be; others may take an older one. */
  @Test
  void an_answer_that_is_kept_is_no_older_than_the_verifier_wants_it() {
    SensorAnswer first = located(Duration.ofMinutes(10));
    assertThat(first.operator()).contains(SensorAnswer.Word.TRUE);
    int calls = operator.calls().size();
    pass(Duration.ofSeconds(11));
    located(Duration.ofMinutes(10));
    assertThat(operator.calls()).hasSize(calls);
    located(Duration.ofSeconds(10));
    assertThat(operator.calls()).hasSize(calls + 1);
  }

  private static SensorAnswer located(Duration maxAge) {
    SensorQuestion question =
        new SensorQuestion(
            "node-1",
            new LocationReading(
                LocationReading.MOBILE,
                "12d1:1433",
                Optional.of(IMEI),
                Optional.of(IMSI),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                NOW.get(),
                "modem"),
            Optional.of(new Region.Circle("asked", new GeoPoint(40.34, -3.78), 5_000)),
            maxAge,
            NONCE);
    SensorAnswer answer =
        (SensorAnswer) serai.template().requestBody("direct:locate-device", question);
    assertThat(EndorsedAnswer.refutation(question, answer, NOW.get())).isEmpty();
    return answer;
  }

  @Test
  void a15_the_same_question_at_the_same_time_is_asked_once() {
    operator.mood(Mood.SILENT);
    List<CompletableFuture<SensorClient.Answer>> all = new ArrayList<>();
    Executor threads = work -> new Thread(work).start();
    double before = joined();
    for (int i = 0; i < 12; i++) {
      all.add(CompletableFuture.supplyAsync(() -> verify(known("")), threads));
    }
    await().atMost(LONG).until(() -> joined() >= before + 11);
    operator.mood(Mood.WELL);
    all.forEach(
        answer ->
            assertThat(answer.join().json().path("verification_result").booleanValue()).isTrue());
    assertThat(operator.verifications()).isEqualTo(1);
  }

  private static double joined() {
    return serai
        .context()
        .meters()
        .get("serai.operator.questions")
        .tag("answer", "joined")
        .counter()
        .count();
  }

  @Test
  void lookup_answers_as_the_prototype_does_and_unknown_ones_all_alike() {
    JsonNode found = client.post("/lookup_msisdn", known("")).json();
    assertThat(found.toString())
        .isEqualTo(
            "{\"found\":true,\"sensor_msisdn\":\"tel:+34696810912\",\"sensor_id\":\"12d1:1433\","
                + "\"latitude\":40.33,\"longitude\":-3.7707,\"accuracy\":7.0}");
    for (String body :
        List.of(
            "{\"sensor_id\":\"ffff:ffff\"}",
            "{\"sensor_id\":\"12d1:1433\"}",
            "{\"sensor_serial_number\":\"UBX-77\"}",
            "{" + ids(IMEI, OTHER_IMSI) + "}")) {
      SensorClient.Answer answer = client.post("/lookup_msisdn", body);
      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.text()).isEqualTo("{\"found\":false}");
    }
    assertRefused(client.post("/lookup_msisdn", "{}"), 400, ReasonCode.SENSOR_MISSING);
    assertRefused(
        client.post("/lookup_msisdn", "{\"sensor_imei\":\"1\"}"), 400, ReasonCode.IMEI_INVALID);
  }

  private static SensorClient.Answer endorse(String nonce) {
    return client.post(
        "/signed-endorsement",
        ("{\"imei\":\"%s\",\"imsi\":\"%s\",\"nonce\":\"%s\",\"tower_id\":\"49201-LAB-001\","
                + "\"latitude\":40.33,\"longitude\":-3.77,\"accuracy\":500.0}")
            .formatted(IMEI, IMSI, nonce));
  }

  @Test
  void an_endorsement_is_the_prototypes_and_is_believed_by_whoever_has_the_keys() throws Exception {
    SensorClient.Answer answer = endorse(NONCE);
    JsonNode json = answer.json();
    assertThat(json.path("verified").booleanValue()).isTrue();
    JsonNode said = json.path("endorsement");
    assertThat(said.path("coarse_location").toString())
        .isEqualTo("{\"latitude\":40.33,\"longitude\":-3.77,\"accuracy_meters\":500.0}");
    assertThat(said.path("device_id_hash").asText())
        .isEqualTo(
            HexFormat.of()
                .formatHex(
                    MessageDigest.getInstance("SHA-256")
                        .digest((IMEI + "||" + IMSI).getBytes(StandardCharsets.UTF_8))));
    assertThat(said.path("imei_imsi_binding_valid").booleanValue()).isTrue();
    assertThat(said.path("tower_id").asText()).isEmpty();
    EndorsementKeySet keys =
        EndorsementKeySet.parse(
            Bytes.ofText(
                client.withToken("").send("GET", "/.well-known/mno-signing-keys.json", "").text()));
    assertThat(
            EndorsementVerifier.verify(
                SignedEndorsement.parse(Bytes.ofText(answer.text())),
                keys,
                new EndorsementVerifier.Expected(NONCE, Duration.ofMinutes(1), Optional.empty()),
                NOW.get()))
        .isInstanceOf(EndorsementVerifier.Believed.class);
  }

  @Test
  void only_what_the_operator_confirmed_is_endorsed() {
    operator.locate(MSISDN, 48.0, 11.0);
    assertRefused(endorse(NONCE), 403, ReasonCode.LOCATION_NOT_CONFIRMED);
    operator.mood(Mood.BROKEN);
    pass(Duration.ofHours(1));
    assertRefused(endorse(NONCE), 503, ReasonCode.OPERATOR_UNREACHABLE);
    assertRefused(endorse(""), 400, ReasonCode.ENDORSEMENT_NONCE_INVALID);
    assertRefused(endorse("short"), 400, ReasonCode.ENDORSEMENT_NONCE_INVALID);
  }

  @Test
  void the_time_of_an_endorsement_is_that_of_the_operators_answer() {
    String first = endorse(NONCE).json().path("endorsement").path("timestamp").asText();
    pass(Duration.ofMinutes(5));
    String second =
        endorse("another-nonce-0123").json().path("endorsement").path("timestamp").asText();
    assertThat(second).isEqualTo(first).matches("[-0-9]{10}T[:0-9]{8}\\.[0-9]{6}\\+00:00");
    assertThat(operator.verifications()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/verify", "/lookup_msisdn", "/signed-endorsement"})
  void without_the_token_nothing_is_told(String path) {
    assertRefused(
        client.withToken("").post(path, known("")), 401, ReasonCode.CALLER_NOT_AUTHENTICATED);
    assertRefused(
        client.withToken("x".repeat(43)).post(path, known("")),
        401,
        ReasonCode.CALLER_NOT_AUTHENTICATED);
    assertThat(operator.calls()).isEmpty();
  }

  @Test
  void the_secrets_are_the_owners_alone() throws Exception {
    Path secrets = serai.stateDir().resolve("sensor");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(secrets)))
        .isEqualTo("rwx------");
    try (var files = Files.list(secrets)) {
      List<Path> all = files.toList();
      assertThat(all).hasSize(3);
      for (Path file : all) {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
            .as(file.toString())
            .isEqualTo("rw-------");
      }
    }
  }

  @Test
  void other_paths_and_methods_are_refused_in_the_same_form() {
    assertRefused(client.post("/verify_zkp", "{}"), 404, ReasonCode.UNKNOWN_OPERATION);
    assertRefused(client.send("GET", "/verify", ""), 405, ReasonCode.UNKNOWN_OPERATION);
    assertRefused(client.post("/metrics", "{}"), 405, ReasonCode.UNKNOWN_OPERATION);
  }

  @Test
  void what_is_too_large_or_too_deep_is_refused() {
    assertRefused(
        verify("{\"sensor_id\":\"" + "x".repeat(70_000) + "\"}"),
        413,
        ReasonCode.REQUEST_TOO_LARGE);
    assertRefused(
        verify("{\"x\":" + "[".repeat(5_000) + "]".repeat(5_000) + "}"),
        400,
        ReasonCode.MALFORMED_REQUEST);
  }

  @Test
  void metrics_have_the_prototypes_names() {
    verify(known(""));
    verify("{}");
    String text = client.withToken("").send("GET", "/metrics", "").text();
    assertThat(text)
        .contains("sidecar_request_total{result=\"total\"}")
        .contains("sidecar_request_total{result=\"success\"}")
        .contains("sidecar_location_verification_success_total")
        .contains("sidecar_location_verification_failure_total")
        .contains("sidecar_camara_api_latency_seconds_count")
        .doesNotContain(IMEI);
  }

  @Test
  void numbers_and_places_are_neither_in_the_database_nor_in_the_audit_log() throws Exception {
    verify(known(""));
    endorse(NONCE);
    for (String name : List.of("serai.db", "serai.db-wal")) {
      Path file = serai.stateDir().resolve(name);
      if (Files.exists(file)) {
        assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
            .doesNotContain(IMEI, IMSI, MSISDN.substring(1), "40.33", "UBX-77");
      }
    }
  }
}
