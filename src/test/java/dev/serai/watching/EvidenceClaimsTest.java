package dev.serai.watching;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.claims.Privacy;
import dev.serai.keylime.KeylimeJson;
import dev.serai.location.Assurance;
import dev.serai.location.AttestedLocation;
import dev.serai.location.Endorsement;
import dev.serai.location.LocationReading;
import dev.serai.location.SignedWord;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What an answer to evidence in the prototype's form says of a place. */
class EvidenceClaimsTest {
  private static final Instant AT = Instant.parse("2026-11-26T12:00:00Z");

  private static String claims(Privacy privacy, LocationReading reading, SignedWord... word) {
    return KeylimeJson.write(
            new EvidenceClaims(privacy)
                .of(
                    Optional.of(
                        new AttestedLocation(
                            reading,
                            Optional.of("madrid"),
                            Assurance.CLAIMED,
                            AT.plusSeconds(60),
                            word.length == 0 ? Optional.empty() : Optional.of(word[0])))))
        .toText();
  }

  private static LocationReading mobile() {
    return new LocationReading(
        LocationReading.MOBILE,
        "12d1:1433",
        Optional.of("356345043865103"),
        Optional.of("214070610960475"),
        Optional.of("tel:+34696810912"),
        Optional.empty(),
        Optional.empty(),
        AT,
        "modem");
  }

  private static LocationReading gnss() {
    return new LocationReading(
        LocationReading.GNSS,
        "/dev/ttyUSB0",
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.of("SN-0815"),
        Optional.of(new LocationReading.Position(40.33, -3.77, 5.5)),
        AT,
        "file");
  }

  @Test
  void f08_with_compat_they_are_the_prototype_s() {
    assertThat(claims(Privacy.COMPAT, mobile(), new SignedWord("{}", "c2ln", "key-1")))
        .isEqualTo(
            "{\"geolocation\":{\"type\":\"mobile\",\"sensor_id\":\"12d1:1433\",\"value\":\"madrid\","
                + "\"sensor_imei\":\"356345043865103\",\"sensor_imsi\":\"214070610960475\","
                + "\"sensor_msisdn\":\"tel:+34696810912\"},\"grc.geolocation\":"
                + "{\"tpm-attested-location\":true,\"tpm-attested-pcr-index\":15,\"mobile\":"
                + "{\"sensor_id\":\"12d1:1433\",\"sensor_imei\":\"356345043865103\","
                + "\"sim_imsi\":\"214070610960475\",\"sim_msisdn\":\"tel:+34696810912\"}},"
                + "\"grc.mno_endorsement\":{\"verified\":true,\"signature\":\"c2ln\","
                + "\"key_id\":\"key-1\",\"data_b64\":\"e30=\"}}");
    assertThat(claims(Privacy.COMPAT, gnss()))
        .isEqualTo(
            "{\"geolocation\":{\"type\":\"gnss\",\"sensor_id\":\"/dev/ttyUSB0\",\"value\":\"madrid\","
                + "\"sensor_serial_number\":\"SN-0815\",\"latitude\":40.33,\"longitude\":-3.77,"
                + "\"accuracy\":5.5},\"grc.geolocation\":{\"tpm-attested-location\":true,"
                + "\"tpm-attested-pcr-index\":15,\"gnss\":{\"sensor_id\":\"/dev/ttyUSB0\","
                + "\"sensor_serial_number\":\"SN-0815\",\"retrieved_location\":"
                + "{\"latitude\":40.33,\"longitude\":-3.77,\"accuracy\":5.5}}}}");
  }

  @Test
  void a_modem_without_a_position_is_where_the_operator_said() {
    Endorsement said = new Endorsement("", "ab", true, 40.33, -3.7707, 2000, AT, "nonce");
    assertThat(
            claims(
                Privacy.COMPAT,
                mobile(),
                new SignedWord(said.signedBytes().toText(), "c2ln", "key-1")))
        .contains(
            "\"location_verification\":{\"latitude\":40.33,\"longitude\":-3.7707,"
                + "\"accuracy\":2000}")
        .contains("\"latitude\":40.33,\"longitude\":-3.7707,\"accuracy\":2000.0}");
  }

  @Test
  void in_private_they_name_no_device_and_no_place() {
    assertThat(claims(Privacy.STRICT, mobile(), new SignedWord("{}", "c2ln", "key-1")))
        .isEqualTo(
            "{\"geolocation\":{\"type\":\"mobile\",\"value\":\"madrid\"},\"grc.geolocation\":"
                + "{\"tpm-attested-location\":true,\"sensor-type\":\"mobile\",\"region\":\"madrid\","
                + "\"assurance\":\"claimed\",\"located-at\":1795694400,\"valid-until\":1795694460},"
                + "\"grc.mno_endorsement\":{\"verified\":true,\"key_id\":\"key-1\"}}");
    assertThat(new EvidenceClaims(Privacy.STRICT).of(Optional.empty())).isEmpty();
  }
}
