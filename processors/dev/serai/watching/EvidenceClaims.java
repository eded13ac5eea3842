package dev.serai.watching;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.claims.Claims;
import dev.serai.claims.Privacy;
import dev.serai.location.AttestedLocation;
import dev.serai.location.LocationReading;
import dev.serai.location.SignedWord;
import dev.serai.tpm.Bytes;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * attested_claims of an answer to evidence in the prototype's form: its JSON with
 * serai.privacy=compat, else what certificates of the private form say. No location, no claims.
 */
final class EvidenceClaims {
  private static final ObjectMapper JSON = new ObjectMapper();
  private final Privacy privacy;

  EvidenceClaims(Privacy privacy) {
    this.privacy = privacy;
  }

  Map<String, Object> of(Optional<AttestedLocation> location) {
    Map<String, Object> claims = new LinkedHashMap<>();
    location.ifPresent(
        at -> {
          claims.put("geolocation", privacy == Privacy.COMPAT ? inFull(at) : inPrivate(at));
          JsonNode said = tree(certified(at).json(privacy));
          for (String key : List.of("grc.geolocation", "grc.mno_endorsement")) {
            if (said.has(key)) {
              claims.put(key, said.path(key));
            }
          }
        });
    return claims;
  }

  private static Map<String, Object> inPrivate(AttestedLocation at) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("type", at.reading().type());
    at.region().ifPresent(region -> fields.put("value", region));
    return fields;
  }

  /** The fields of the prototype's message Geolocation. */
  private static Map<String, Object> inFull(AttestedLocation at) {
    LocationReading reading = at.reading();
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("type", reading.type());
    fields.put("sensor_id", reading.sensorId());
    at.region().ifPresent(region -> fields.put("value", region));
    reading.imei().ifPresent(imei -> fields.put("sensor_imei", imei));
    reading.imsi().ifPresent(imsi -> fields.put("sensor_imsi", imsi));
    reading.msisdn().ifPresent(number -> fields.put("sensor_msisdn", number));
    reading.serialNumber().ifPresent(number -> fields.put("sensor_serial_number", number));
    at.position()
        .ifPresent(
            place -> {
              fields.put("latitude", place.latitude());
              fields.put("longitude", place.longitude());
              fields.put("accuracy", place.accuracyMetres());
            });
    return fields;
  }

  /** As a certificate would say it; the pseudonym of the device is the issuer's to make. */
  private static Claims certified(AttestedLocation at) {
    LocationReading reading = at.reading();
    return Claims.of(
        Optional.empty(),
        Optional.empty(),
        Optional.of(
            new Claims.Geolocation(
                reading.type(),
                at.region(),
                Optional.of(at.assurance()),
                Optional.of(reading.takenAt()),
                Optional.of(at.validUntil()),
                Optional.empty(),
                Optional.of(sensor(at)))),
        at.endorsement().map(EvidenceClaims::endorsement));
  }

  private static Claims.Sensor sensor(AttestedLocation at) {
    LocationReading reading = at.reading();
    return new Claims.Sensor(
        reading.sensorId(),
        reading.imei(),
        reading.imsi(),
        reading.msisdn(),
        reading.serialNumber(),
        at.position()
            .map(
                place ->
                    new Claims.Position(
                        place.latitude(), place.longitude(), place.accuracyMetres())));
  }

  private static Claims.MnoEndorsement endorsement(SignedWord word) {
    return new Claims.MnoEndorsement(
        true,
        word.keyId(),
        Optional.of(new Claims.SignedText(word.signature(), Bytes.ofText(word.json()).toBase64())));
  }

  private static JsonNode tree(String json) {
    try {
      return JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("claims of ours are no JSON", e);
    }
  }
}
