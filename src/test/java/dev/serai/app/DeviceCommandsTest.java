package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.app.CommandLineTest.Called;
import dev.serai.audit.Audit;
import dev.serai.audit.AuditKind;
import dev.serai.reason.ReasonCode;
import dev.serai.testing.SeraiHarness;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** serai device ... against a running sensor role, over its admin socket. */
class DeviceCommandsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String IMEI = "356345043865103";
  private static SeraiHarness serai;

  @BeforeAll
  static void start() {
    serai = SeraiHarness.roles("sensor").start();
  }

  @AfterAll
  static void stop() {
    serai.close();
  }

  private static Called call(String... arguments) {
    List<String> all = new ArrayList<>(List.of("device"));
    all.addAll(List.of(arguments));
    all.addAll(List.of("--socket", serai.setting("serai.sensor.admin-socket")));
    return CommandLineTest.call(all.toArray(String[]::new));
  }

  private static JsonNode json(String... arguments) throws Exception {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.add("--json");
    Called called = call(all.toArray(String[]::new));
    assertThat(called.err()).isEmpty();
    assertThat(called.exit()).isZero();
    return JSON.readTree(called.out());
  }

  private static Called create(String imei, String imsi, String msisdn) {
    return call(
        "create",
        "--sensor-id",
        "12d1:1433",
        "--imei",
        imei,
        "--imsi",
        imsi,
        "--msisdn",
        msisdn,
        "--latitude",
        "40.33",
        "--longitude=-3.7707",
        "--accuracy",
        "7",
        "--json");
  }

  @Test
  void a_sensor_is_registered_shown_changed_and_forgotten() throws Exception {
    Called created = create(IMEI, "214070610960475", "+34696810912");
    assertThat(created.err()).isEmpty();
    String id = JSON.readTree(created.out()).path("id").asText();
    assertThat(created.out()).doesNotContain(IMEI, "40.33");

    JsonNode masked = json("show", id);
    assertThat(masked.path("imei").asText()).isEqualTo("************103");
    assertThat(masked.path("msisdn").asText()).isEqualTo("*********912");
    assertThat(masked.path("latitude").asText()).isEmpty();
    JsonNode revealed = json("show", id, "--reveal");
    assertThat(revealed.path("imei").asText()).isEqualTo(IMEI);
    assertThat(revealed.path("latitude").asDouble()).isEqualTo(40.33);
    assertThat(Audit.of(serai.context()).lastOf(AuditKind.DEVICE_REVEALED))
        .hasValueSatisfying(
            record -> {
              assertThat(record.subject()).isEqualTo(id);
              assertThat(record.actor()).startsWith("uid:");
            });

    json("update", id, "--node", "node-1", "--msisdn", "tel:+34696810999");
    JsonNode changed = json("show", id, "--reveal");
    assertThat(changed.path("nodeId").asText()).isEqualTo("node-1");
    assertThat(changed.path("msisdn").asText()).isEqualTo("+34696810999");
    assertThat(changed.path("imei").asText()).isEqualTo(IMEI);

    assertThat(call("list").out()).contains(id, "12d1:1433", "node-1").doesNotContain(IMEI);
    assertThat(json("list", "--reveal").findValuesAsText("imei")).contains(IMEI);

    Called again = create(IMEI, "214070610960499", "+34696810000");
    assertThat(again.exit()).isEqualTo(1);
    assertThat(again.err()).contains(ReasonCode.SENSOR_EXISTS.name()).doesNotContain(IMEI);

    assertThat(json("delete", id).path("id").asText()).isEqualTo(id);
    Called gone = call("show", id);
    assertThat(gone.exit()).isEqualTo(1);
    assertThat(gone.err()).contains(ReasonCode.SENSOR_UNKNOWN.name());
  }

  @Test
  void what_is_no_identifier_is_named_without_its_value() {
    Called wrong = create("356345043865104", "214070610960475", "+34696810912");
    assertThat(wrong.exit()).isEqualTo(1);
    assertThat(wrong.err())
        .contains(ReasonCode.IMEI_INVALID.name())
        .doesNotContain("356345043865104");
  }

  @Test
  void a_gnss_receiver_has_a_serial_number_and_no_sim() throws Exception {
    JsonNode made =
        json("create", "--type", "gnss", "--sensor-id", "1546:01a9", "--serial-number", "UBX-1");
    assertThat(made.path("type").asText()).isEqualTo("gnss");
    assertThat(call("update", made.path("id").asText(), "--imei", IMEI).err())
        .contains(ReasonCode.SENSOR_INVALID.name());
    assertThat(call("update", made.path("id").asText()).exit()).isEqualTo(2);
  }
}
