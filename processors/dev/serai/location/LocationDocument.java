package dev.serai.location;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * A reading as bytes that a TPM can sign the hash of: canonical JSON by RFC 8785. Keys sorted, no
 * white space, absent fields left out; numbers with at most six decimals, so that their ECMAScript
 * form is the plain one. One reading has one document; a document in any other form is malformed.
 */
public final class LocationDocument {
  /** Largest document. */
  public static final int MAX_SIZE = 4096;

  private static final String WHAT = "location";
  private static final Set<String> KEYS =
      Set.of(
          "type",
          "sensor_id",
          "sensor_imei",
          "sensor_imsi",
          "sensor_msisdn",
          "sensor_serial_number",
          "latitude",
          "longitude",
          "accuracy",
          "taken_at_ms",
          "source");
  private static final ObjectMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(2)
                          .maxNumberLength(32)
                          .maxNameLength(64)
                          .maxStringLength(256)
                          .build())
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final LocationReading reading;
  private final Bytes bytes;

  private LocationDocument(LocationReading reading, Bytes bytes) {
    this.reading = reading;
    this.bytes = bytes;
  }

  public static LocationDocument of(LocationReading reading) {
    return new LocationDocument(reading, Bytes.ofText(canonical(reading)));
  }

  /** Strict: unknown keys, doubled keys and every form but the canonical one are malformed. */
  public static LocationDocument parse(Bytes bytes) throws MalformedStructureException {
    LocationReading reading = read(bytes, Optional.empty());
    LocationDocument document = of(reading);
    if (!document.bytes.equals(bytes)) {
      throw new MalformedStructureException(WHAT, "not in its canonical form");
    }
    return document;
  }

  /**
   * The same fields in any order, with white space, as a person writes them.
   *
   * @param takenAt what holds when the text has no taken_at_ms
   */
  public static LocationReading parseLoosely(Bytes bytes, Instant takenAt)
      throws MalformedStructureException {
    return read(bytes, Optional.of(takenAt));
  }

  private static LocationReading read(Bytes bytes, Optional<Instant> otherwise)
      throws MalformedStructureException {
    if (bytes.size() > MAX_SIZE) {
      throw malformed("%d bytes".formatted(bytes.size()));
    }
    JsonNode json;
    try {
      json = JSON.readTree(bytes.toArray());
    } catch (JsonProcessingException e) {
      throw malformed("not JSON");
    } catch (IOException e) { // bytes that are no characters
      throw malformed("not text");
    }
    if (json == null || !json.isObject()) {
      throw malformed("not a JSON object");
    }
    for (Iterator<String> names = json.fieldNames(); names.hasNext(); ) {
      if (!KEYS.contains(names.next())) {
        throw malformed("a key that is not known");
      }
    }
    try {
      return new LocationReading(
          text(json, "type").orElseThrow(() -> malformed("type is missing")),
          text(json, "sensor_id").orElseThrow(() -> malformed("sensor_id is missing")),
          text(json, "sensor_imei"),
          text(json, "sensor_imsi"),
          text(json, "sensor_msisdn"),
          text(json, "sensor_serial_number"),
          position(json),
          takenAt(json, otherwise),
          text(json, "source").orElseThrow(() -> malformed("source is missing")));
    } catch (IllegalArgumentException e) { // a field that is not what its name says
      throw malformed(e.getMessage());
    }
  }

  private static Instant takenAt(JsonNode json, Optional<Instant> otherwise)
      throws MalformedStructureException {
    JsonNode value = json.path("taken_at_ms");
    if (value.isMissingNode() && otherwise.isPresent()) {
      return otherwise.get();
    }
    if (!value.isIntegralNumber() || !value.canConvertToLong()) {
      throw malformed("taken_at_ms is not a whole number");
    }
    return Instant.ofEpochMilli(value.longValue());
  }

  private static Optional<LocationReading.Position> position(JsonNode json)
      throws MalformedStructureException {
    if (!json.has("latitude") && !json.has("longitude") && !json.has("accuracy")) {
      return Optional.empty();
    }
    return Optional.of(
        new LocationReading.Position(
            number(json, "latitude"), number(json, "longitude"), number(json, "accuracy")));
  }

  private static double number(JsonNode json, String field) throws MalformedStructureException {
    JsonNode value = json.path(field);
    if (!value.isNumber()) {
      throw malformed(field + " is not a number");
    }
    return value.doubleValue();
  }

  private static Optional<String> text(JsonNode json, String field)
      throws MalformedStructureException {
    JsonNode value = json.path(field);
    if (value.isMissingNode()) {
      return Optional.empty();
    }
    if (!value.isTextual()) {
      throw malformed(field + " is not a text");
    }
    return Optional.of(value.textValue());
  }

  private static MalformedStructureException malformed(String why) {
    return new MalformedStructureException(WHAT, why);
  }

  /** No text of a reading has a character that JSON escapes. */
  private static String canonical(LocationReading reading) {
    Map<String, String> fields = new TreeMap<>();
    fields.put("type", quoted(reading.type()));
    fields.put("sensor_id", quoted(reading.sensorId()));
    reading.imei().ifPresent(text -> fields.put("sensor_imei", quoted(text)));
    reading.imsi().ifPresent(text -> fields.put("sensor_imsi", quoted(text)));
    reading.msisdn().ifPresent(text -> fields.put("sensor_msisdn", quoted(text)));
    reading.serialNumber().ifPresent(text -> fields.put("sensor_serial_number", quoted(text)));
    reading
        .position()
        .ifPresent(
            at -> {
              fields.put("latitude", plain(at.latitude()));
              fields.put("longitude", plain(at.longitude()));
              fields.put("accuracy", plain(at.accuracyMetres()));
            });
    fields.put("taken_at_ms", Long.toString(reading.takenAt().toEpochMilli()));
    fields.put("source", quoted(reading.source()));
    StringBuilder json = new StringBuilder("{");
    fields.forEach(
        (key, value) ->
            json.append(json.length() == 1 ? "" : ",")
                .append(quoted(key))
                .append(':')
                .append(value));
    return json.append('}').toString();
  }

  private static String quoted(String text) {
    return '"' + text + '"';
  }

  /** ECMAScript's form of a number between 1e-6 and 1e21. */
  private static String plain(double value) {
    return value == 0
        ? "0"
        : new BigDecimal(value)
            .setScale(6, RoundingMode.HALF_EVEN)
            .stripTrailingZeros()
            .toPlainString();
  }

  public LocationReading reading() {
    return reading;
  }

  public Bytes bytes() {
    return bytes;
  }

  /** What a certify's qualifying data covers. */
  public Bytes sha256() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      bytes.writeTo(digest);
      return Bytes.copyOf(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LocationDocument document && bytes.equals(document.bytes);
  }

  @Override
  public int hashCode() {
    return bytes.hashCode();
  }

  /** Without ids and without the place. */
  @Override
  public String toString() {
    return "LocationDocument[%s of %s]".formatted(reading.type(), reading.source());
  }
}
