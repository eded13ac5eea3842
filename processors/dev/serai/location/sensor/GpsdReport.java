package dev.serai.location.sensor;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.serai.location.LocationReading.Position;
import dev.serai.tpm.wire.MalformedStructureException;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Optional;

/**
 * A time-position-velocity report of gpsd that holds a fix with an error estimate.
 *
 * @param device its path, as gpsd names it
 * @param takenAt by the receiver's clock; empty when gpsd does not know it
 */
record GpsdReport(Optional<String> device, Position position, Optional<Instant> takenAt) {
  /** Longest line of gpsd that is looked at. */
  static final int MAX_LINE = 16 * 1024;

  private static final String WHAT = "gpsd report";
  private static final ObjectMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(8)
                          .maxNumberLength(40)
                          .maxNameLength(64)
                          .maxStringLength(1024)
                          .build())
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .build())
          .build();

  /** Empty for every other class of object, and for a report without a fix. */
  static Optional<GpsdReport> parse(String line) throws MalformedStructureException {
    JsonNode json;
    try {
      json = JSON.readTree(line);
    } catch (JsonProcessingException e) {
      throw new MalformedStructureException(WHAT, "not JSON");
    }
    if (json == null || !json.isObject() || !json.path("class").isTextual()) {
      throw new MalformedStructureException(WHAT, "not an object with a class");
    }
    if (!json.path("class").textValue().equals("TPV") || json.path("mode").asInt(0) < 2) {
      return Optional.empty();
    }
    if (json.path("status").asInt(0) == 8 || !json.path("lat").isNumber()) {
      return Optional.empty(); // simulated, or a fix of time alone
    }
    Optional<Double> accuracy = accuracy(json);
    if (accuracy.isEmpty() || !json.path("lon").isNumber()) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          new GpsdReport(
              Optional.ofNullable(json.path("device").textValue()),
              new Position(
                  json.path("lat").doubleValue(), json.path("lon").doubleValue(), accuracy.get()),
              takenAt(json)));
    } catch (IllegalArgumentException e) {
      throw new MalformedStructureException(WHAT, e.getMessage());
    }
  }

  /** Horizontal: gpsd's own estimate, or what its two halves make. */
  private static Optional<Double> accuracy(JsonNode json) {
    if (json.path("eph").isNumber()) {
      return Optional.of(json.path("eph").doubleValue());
    }
    if (json.path("epx").isNumber() && json.path("epy").isNumber()) {
      return Optional.of(
          Math.hypot(json.path("epx").doubleValue(), json.path("epy").doubleValue()));
    }
    return Optional.empty();
  }

  private static Optional<Instant> takenAt(JsonNode json) throws MalformedStructureException {
    String text = json.path("time").textValue();
    if (text == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(Instant.parse(text));
    } catch (DateTimeException e) {
      throw new MalformedStructureException(WHAT, "a time that is none");
    }
  }
}
