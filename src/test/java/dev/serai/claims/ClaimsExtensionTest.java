package dev.serai.claims;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.claims.Claims.Evidence;
import dev.serai.claims.Claims.Geolocation;
import dev.serai.claims.Claims.MnoEndorsement;
import dev.serai.claims.Claims.Position;
import dev.serai.claims.Claims.Sensor;
import dev.serai.claims.Claims.SignedText;
import dev.serai.claims.Claims.TpmAttestation;
import dev.serai.claims.Claims.Workload;
import dev.serai.location.Assurance;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ClaimsExtensionTest {
  private static final String PEM = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n";

  static final Claims FULL =
      Claims.of(
          Optional.of(
              new Workload(
                  "spiffe://example.org/spire/agent/unified_identity/d432fbb3-d2f1-4a97-9ef7-75bd81c00000",
                  Claims.TPM_APP_KEY)),
          Optional.of(
              new TpmAttestation(
                  Optional.of("ab".repeat(32)),
                  Optional.of(Instant.ofEpochSecond(1_790_000_000)),
                  Optional.of("demo"),
                  Optional.of(
                      new Evidence(
                          PEM,
                          "eyJjZXJ0aWZ5X2RhdGEiOiIifQ==",
                          "",
                          "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")))),
          Optional.of(
              new Geolocation(
                  "mobile",
                  Optional.of("madrid"),
                  Optional.of(Assurance.OPERATOR_VERIFIED),
                  Optional.of(Instant.ofEpochSecond(1_790_000_001)),
                  Optional.of(Instant.ofEpochSecond(1_790_000_301)),
                  Optional.of("cd".repeat(16)),
                  Optional.of(
                      new Sensor(
                          "12d1:1433",
                          Optional.of("356345043865103"),
                          Optional.of("214070610960475"),
                          Optional.of("tel:+34696810912"),
                          Optional.empty(),
                          Optional.of(new Position(40.33, -3.7707, 7.0)))))),
          Optional.of(
              new MnoEndorsement(
                  true,
                  "lab-mno-signing-key-2026-01",
                  Optional.of(
                      new SignedText(
                          "c2lnbmF0dXJl", "eyJ0b3dlcl9pZCI6IjQ5MjAxLUxBQi0wMDEifQ==")))));

  static Bytes prototype(String name) throws IOException {
    try (InputStream in =
        ClaimsExtensionTest.class.getResourceAsStream("/fixtures/prototype/claims/" + name)) {
      return Bytes.copyOf(in.readAllBytes());
    }
  }

  @Test
  void the_private_form_is_a_utf8_string_with_a_version() throws Exception {
    Bytes value = ClaimsExtension.encode(FULL, Privacy.STRICT);
    assertThat(value.at(0)).isEqualTo(0x0c);
    Claims read = ClaimsExtension.decode(value);
    assertThat(read.json())
        .isEqualTo(FULL.json())
        .isEqualTo(
            "{\"v\":1,\"grc.workload\":{\"workload-id\":\"spiffe://example.org/spire/agent/"
                + "unified_identity/d432fbb3-d2f1-4a97-9ef7-75bd81c00000\",\"key-source\":"
                + "\"tpm-app-key\"},\"grc.tpm-attestation\":{\"ek-name-hash\":\""
                + "ab".repeat(32)
                + "\",\"appraised-at\":1790000000,\"policy\":\"demo\"},\"grc.geolocation\":"
                + "{\"tpm-attested-location\":true,\"sensor-type\":\"mobile\",\"region\":\"madrid\","
                + "\"assurance\":\"operator-verified\",\"located-at\":1790000001,\"valid-until\":"
                + "1790000301,\"device\":\""
                + "cd".repeat(16)
                + "\"},\"grc.mno_endorsement\":{\"verified\":true,\"key_id\":"
                + "\"lab-mno-signing-key-2026-01\"}}");
    Geolocation place = read.geolocation().orElseThrow();
    assertThat(place.region()).contains("madrid");
    assertThat(place.assurance()).contains(Assurance.OPERATOR_VERIFIED);
    assertThat(place.validUntil()).contains(Instant.ofEpochSecond(1_790_000_301));
    assertThat(place.sensor()).isEmpty();
    assertThat(read.mnoEndorsement().orElseThrow().signed()).isEmpty();
  }

  @Test
  void the_private_form_has_nothing_that_names_a_device_or_a_place() {
    String value = ClaimsExtension.encode(FULL, Privacy.STRICT).toText();
    assertThat(value)
        .doesNotContain("356345043865103", "214070610960475", "34696810912", "40.33", "3.7707")
        .doesNotContain("12d1:1433", "MIIB", "eyJ0b3dlcl9pZCI6IjQ5MjAxLUxBQi0wMDEifQ");
    assertThat(FULL.toString() + FULL.geolocation() + FULL.mnoEndorsement())
        .doesNotContain("356345043865103", "214070610960475", "34696810912", "40.33");
  }

  @Test
  void the_compatible_form_is_the_prototypes_to_the_byte() throws Exception {
    assertThat(ClaimsExtension.encode(FULL, Privacy.COMPAT).toText())
        .isEqualTo(prototype("agent-mobile.json").toText());
  }

  @ParameterizedTest
  @ValueSource(strings = {"agent-mobile.json", "workload-gnss.json"})
  void what_the_prototype_wrote_is_read_and_written_the_same(String name) throws Exception {
    Claims read = ClaimsExtension.decode(prototype(name));
    assertThat(ClaimsExtension.encode(read, Privacy.COMPAT).toText())
        .isEqualTo(prototype(name).toText());
  }

  @Test
  void the_prototypes_sensors_are_read_with_what_they_say() throws Exception {
    Geolocation mobile =
        ClaimsExtension.decode(prototype("agent-mobile.json")).geolocation().orElseThrow();
    assertThat(mobile.type()).isEqualTo("mobile");
    assertThat(mobile.region()).isEmpty();
    assertThat(mobile.sensor().orElseThrow().msisdn()).contains("tel:+34696810912");
    assertThat(mobile.sensor().orElseThrow().position().orElseThrow().longitude())
        .isEqualTo(-3.7707);
    Geolocation gnss =
        ClaimsExtension.decode(prototype("workload-gnss.json")).geolocation().orElseThrow();
    assertThat(gnss.type()).isEqualTo("gnss");
    assertThat(gnss.sensor().orElseThrow().serialNumber()).contains("SN-0815");
    assertThat(gnss.sensor().orElseThrow().position().orElseThrow().accuracy()).isEqualTo(5.5);
  }

  @Test
  void n37_a_claim_set_with_only_the_workload_holds_no_location() throws Exception {
    Claims read = ClaimsExtension.decode(prototype("workload-with-receipt.json"));
    assertThat(read.workload()).isPresent();
    assertThat(read.geolocation()).isEmpty();
    Claims made =
        Claims.of(
            Optional.of(new Workload("spiffe://example.org/web", Claims.WORKLOAD_KEY)),
            Optional.empty(),
            Optional.empty(),
            Optional.empty());
    for (Privacy privacy : Privacy.values()) {
      assertThat(ClaimsExtension.decode(ClaimsExtension.encode(made, privacy)).geolocation())
          .isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}{}",
        "{\"grc.workload\":{},\"grc.workload\":{}}",
        "{\"grc.workload\":[]}",
        "{\"grc.workload\":{\"workload-id\":1,\"key-source\":\"x\"}}",
        "{\"v\":1}",
        "{\"grc.geolocation\":{}}",
        "{\"grc.geolocation\":{\"tpm-attested-location\":false,\"gnss\":{\"sensor_id\":\"a\"}}}",
        "{\"grc.geolocation\":{\"tpm-attested-location\":true}}",
        "{\"grc.geolocation\":{\"tpm-attested-location\":true,\"mobile\":{\"sensor_id\":\"a\"},"
            + "\"gnss\":{\"sensor_id\":\"a\"}}}",
        "{\"grc.geolocation\":{\"tpm-attested-location\":true,\"gnss\":{\"sensor_id\":\"a\","
            + "\"retrieved_location\":{\"latitude\":91,\"longitude\":0,\"accuracy\":1}}}}",
        "{\"grc.mno_endorsement\":{\"verified\":\"true\",\"key_id\":\"a\"}}",
        "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}",
        "{"
      })
  void a_form_that_is_not_lawful_is_malformed(String json) {
    assertThatThrownBy(() -> ClaimsExtension.decode(Bytes.ofText(json)))
        .isInstanceOf(MalformedStructureException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"v\":2}",
        "{\"v\":1,\"v\":1}",
        "{\"v\":1,\"grc.geolocation\":{\"tpm-attested-location\":true,\"sensor-type\":\"wifi\"}}",
        "{\"v\":1,\"grc.geolocation\":{\"tpm-attested-location\":true,\"sensor-type\":\"gnss\","
            + "\"assurance\":\"sure\"}}",
        "{\"v\":1,\"grc.geolocation\":{\"tpm-attested-location\":true,\"sensor-type\":\"gnss\","
            + "\"valid-until\":1.5}}",
        "[1]",
        ""
      })
  void a_private_form_that_is_not_lawful_is_malformed(String json) {
    Bytes value =
        Bytes.concat(
            json.length() < 0x80
                ? Bytes.copyOf(new byte[] {0x0c, (byte) json.length()})
                : Bytes.copyOf(new byte[] {0x0c, (byte) 0x81, (byte) json.length()}),
            Bytes.ofText(json));
    assertThatThrownBy(() -> ClaimsExtension.decode(value))
        .isInstanceOf(MalformedStructureException.class);
  }

  static Stream<Bytes> cuts() {
    Bytes whole = ClaimsExtension.encode(FULL, Privacy.STRICT);
    return IntStream.range(0, whole.size()).mapToObj(length -> whole.slice(0, length));
  }

  @ParameterizedTest
  @MethodSource("cuts")
  void every_truncation_is_malformed(Bytes cut) {
    assertThatThrownBy(() -> ClaimsExtension.decode(cut))
        .isInstanceOf(MalformedStructureException.class);
  }

  @Test
  void n41_too_large_or_not_utf8_is_malformed() {
    Bytes large = Bytes.ofText("{\"a\":\"" + "x".repeat(16 * 1024) + "\"}");
    assertThatThrownBy(() -> ClaimsExtension.decode(large))
        .isInstanceOf(MalformedStructureException.class);
    Bytes latin = Bytes.copyOf(new byte[] {'{', '"', (byte) 0xe9, '"', ':', '1', '}'});
    assertThatThrownBy(() -> ClaimsExtension.decode(latin))
        .isInstanceOf(MalformedStructureException.class)
        .hasMessageContaining("UTF-8");
    Bytes longForm = Bytes.copyOf(new byte[] {0x0c, (byte) 0x81, 2, '{', '}'});
    assertThatThrownBy(() -> ClaimsExtension.decode(longForm))
        .isInstanceOf(MalformedStructureException.class);
  }

  @Test
  void an_error_says_nothing_of_what_the_claims_hold() {
    Bytes broken = Bytes.ofText("{\"sensor_imei\":\"356345043865103\",}");
    assertThatThrownBy(() -> ClaimsExtension.decode(broken))
        .hasMessageNotContaining("356345043865103")
        .hasNoCause();
  }
}
