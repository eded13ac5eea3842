package dev.serai.location;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.location.LocationReading.Position;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** One reading has one text. */
class LocationDocumentTest {
  private static final String GNSS =
      "{\"accuracy\":4.5,\"latitude\":40.33,\"longitude\":-3.7707,\"sensor_id\":\"/dev/ttyACM0\","
          + "\"source\":\"gpsd\",\"taken_at_ms\":1790000000123,\"type\":\"gnss\"}";
  private static final String MOBILE =
      "{\"sensor_id\":\"12d1:1433\",\"sensor_imei\":\"356345043865103\","
          + "\"sensor_imsi\":\"214070610960475\",\"sensor_msisdn\":\"tel:+34696810912\","
          + "\"sensor_serial_number\":\"SN 1\",\"source\":\"modem\",\"taken_at_ms\":1790000000123,"
          + "\"type\":\"mobile\"}";

  static LocationReading gnss(double latitude, double longitude, double accuracy) {
    return new LocationReading(
        "gnss",
        "/dev/ttyACM0",
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.of(new Position(latitude, longitude, accuracy)),
        Instant.ofEpochMilli(1_790_000_000_123L).plusNanos(999_999),
        "gpsd");
  }

  @Test
  void a_reading_is_written_with_sorted_keys_and_nothing_else() {
    assertThat(LocationDocument.of(gnss(40.33, -3.7707, 4.5)).bytes().toText()).isEqualTo(GNSS);
  }

  @ParameterizedTest
  @ValueSource(strings = {GNSS, MOBILE})
  void what_was_written_is_read(String text) throws Exception {
    LocationDocument document = LocationDocument.parse(Bytes.ofText(text));
    assertThat(document.bytes().toText()).isEqualTo(text);
    assertThat(LocationDocument.of(document.reading())).isEqualTo(document);
    assertThat(document.sha256().size()).isEqualTo(32);
  }

  @ParameterizedTest
  @CsvSource({
    "0, -0.0, 0, '0,0,0'",
    "-90, 180, 20000000, '-90,180,20000000'",
    "0.000001, -0.0000004, 1000, '0.000001,0,1000'",
    "51.12345678, 13.7000000, 0.0004, '51.123457,13.7,0'",
    "1e1, 1.5e2, 3.1, '10,150,3.1'"
  })
  void numbers_have_their_plain_form(
      double latitude, double longitude, double accuracy, String expected) {
    String text = LocationDocument.of(gnss(latitude, longitude, accuracy)).bytes().toText();
    String[] parts = expected.split(",");
    assertThat(text)
        .contains("\"latitude\":" + parts[0] + ",")
        .contains("\"longitude\":" + parts[1] + ",")
        .contains("\"accuracy\":" + parts[2] + ",");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[]",
        "{",
        "{}",
        "{\"type\":\"gnss\"}",
        "\u0000",
      })
  void what_is_no_document_is_malformed(String text) {
    assertThatThrownBy(() -> LocationDocument.parse(Bytes.ofText(text)))
        .isInstanceOf(MalformedStructureException.class);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"accuracy\":4.5,|\"accuracy\":4.50,",
        "\"accuracy\":4.5,|\"accuracy\":45e-1,",
        "\"accuracy\":4.5,|\"accuracy\":\"4.5\",",
        "\"accuracy\":4.5,|\"accuracy\":-1,",
        "\"accuracy\":4.5,|",
        "\"latitude\":40.33|\"latitude\":90.000001",
        "\"latitude\":40.33|\"latitude\":40.3300001",
        "\"longitude\":-3.7707|\"longitude\":-180.1",
        "\"type\":\"gnss\"|\"type\":\"wifi\"",
        "\"type\":\"gnss\"|\"type\":\"gnss\",\"zone\":1",
        "\"type\":\"gnss\"|\"type\":\"gnss\",\"type\":\"gnss\"",
        "\"type\":\"gnss\"|\"type\": \"gnss\"",
        "\"source\":\"gpsd\"|\"source\":\"dream\"",
        "\"sensor_id\":\"/dev/ttyACM0\"|\"sensor_id\":\"/dev/tty\\u0041CM0\"",
        "\"sensor_id\":\"/dev/ttyACM0\"|\"sensor_id\":\"\"",
        "1790000000123|1790000000123.0",
        "1790000000123|-1",
        "1790000000123|999999999999999999999",
      })
  void every_other_form_is_malformed(String what, String instead) {
    String text = GNSS.replace(what, instead == null ? "" : instead);
    assertThat(text).isNotEqualTo(GNSS);
    assertThatThrownBy(() -> LocationDocument.parse(Bytes.ofText(text)))
        .isInstanceOf(MalformedStructureException.class);
  }

  @ParameterizedTest
  @CsvSource({
    "356345043865103, 35634504386510",
    "214070610960475, 2140706109604751",
    "tel:+34696810912, 34696810912",
    "tel:+34696810912, tel:+034696810912"
  })
  void numbers_of_devices_have_their_form(String what, String instead) {
    assertThatThrownBy(() -> LocationDocument.parse(Bytes.ofText(MOBILE.replace(what, instead))))
        .isInstanceOf(MalformedStructureException.class);
  }

  @Test
  void a_document_is_bounded() {
    assertThatThrownBy(() -> LocationDocument.parse(Bytes.ofText(GNSS + " ".repeat(4096))))
        .hasMessageContaining("bytes");
  }

  @Test
  void a_reading_says_nothing_of_person_and_place_by_itself() throws Exception {
    LocationDocument document = LocationDocument.parse(Bytes.ofText(MOBILE));
    assertThat(document + " " + document.reading() + gnss(1.5, 2.5, 3).position())
        .doesNotContain("3563", "2140", "3469", "1.5", "2.5");
  }
}
