package dev.serai.camara;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.keylime.KeylimeJson;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** The two forms of the question and its answer. */
enum LocationDialect {
  /** CAMARA location-verification 3.0.0, which also answers as 1 and 2 did. */
  CAMARA("/location-verification/v3/verify") {
    @Override
    Bytes request(OperatorQuestion question, boolean namesDevice, Optional<Duration> maxAge) {
      Map<String, Object> body = new LinkedHashMap<>();
      if (namesDevice) {
        body.put("device", Map.of("phoneNumber", question.msisdn()));
      }
      Map<String, Object> area = new LinkedHashMap<>();
      area.put("areaType", "CIRCLE");
      Map<String, Object> center = new LinkedHashMap<>();
      center.put("latitude", question.area().latitude());
      center.put("longitude", question.area().longitude());
      area.put("center", center);
      area.put("radius", question.area().radius());
      body.put("area", area);
      maxAge.ifPresent(age -> body.put("maxAge", age.toSeconds()));
      return KeylimeJson.write(body);
    }
  },
  /** What the prototype speaks. */
  V0("/location/v0/verify") {
    @Override
    Bytes request(OperatorQuestion question, boolean namesDevice, Optional<Duration> maxAge) {
      Map<String, Object> body = new LinkedHashMap<>();
      body.put("ueId", Map.of("msisdn", "tel:" + question.msisdn()));
      body.put("latitude", question.area().latitude());
      body.put("longitude", question.area().longitude());
      body.put("accuracy", question.area().radius());
      return KeylimeJson.write(body);
    }
  };

  static final int LIMIT = 64 * 1024;
  private final String usualPath;

  LocationDialect(String usualPath) {
    this.usualPath = usualPath;
  }

  static LocationDialect of(String word) {
    return word.equals("v0") ? V0 : CAMARA;
  }

  String usualPath() {
    return usualPath;
  }

  abstract Bytes request(OperatorQuestion question, boolean namesDevice, Optional<Duration> maxAge);

  /**
   * Reads the body of an answer with status 200.
   *
   * @throws MalformedStructureException when it says none of what it may say
   */
  OperatorVerdict read(Bytes body) throws MalformedStructureException {
    JsonNode json = KeylimeJson.read(body, LIMIT, ObjectNode.class);
    OperatorVerdict.Result result = result(json.path("verificationResult"));
    return new OperatorVerdict(result, matchRate(result, json.path("matchRate")), time(json));
  }

  private OperatorVerdict.Result result(JsonNode said) throws MalformedStructureException {
    if (this == V0 && said.isBoolean()) {
      return said.booleanValue() ? OperatorVerdict.Result.TRUE : OperatorVerdict.Result.FALSE;
    }
    if (said.isTextual()) {
      for (OperatorVerdict.Result result : OperatorVerdict.Result.values()) {
        if (result.name().equals(said.textValue())) {
          return result;
        }
      }
    }
    throw new MalformedStructureException("operator's answer", "verificationResult is no result");
  }

  private static OptionalInt matchRate(OperatorVerdict.Result result, JsonNode rate)
      throws MalformedStructureException {
    if (result != OperatorVerdict.Result.PARTIAL || rate.isMissingNode() || rate.isNull()) {
      return OptionalInt.empty();
    }
    if (!rate.canConvertToInt() || rate.intValue() < 0 || rate.intValue() > 100) {
      throw new MalformedStructureException("operator's answer", "matchRate is no percentage");
    }
    return OptionalInt.of(rate.intValue());
  }

  private static Optional<Instant> time(JsonNode json) throws MalformedStructureException {
    JsonNode time = json.path("lastLocationTime");
    if (time.isMissingNode() || time.isNull()) {
      return Optional.empty();
    }
    try {
      return Optional.of(OffsetDateTime.parse(time.asText()).toInstant());
    } catch (DateTimeException e) {
      throw new MalformedStructureException("operator's answer", "lastLocationTime is no time");
    }
  }
}
