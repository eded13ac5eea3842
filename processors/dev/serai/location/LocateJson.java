package dev.serai.location;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.time.Duration;
import java.util.Optional;

/** Question and answer about a sensor as JSON, for the hop between roles of different processes. */
public final class LocateJson {
  /** Longest text of either. */
  public static final int MAX_SIZE = 64 * 1024;

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private LocateJson() {}

  public static String write(SensorQuestion question) {
    ObjectNode json = JSON.createObjectNode();
    json.put("node_id", question.nodeId());
    json.put("reading", LocationDocument.of(question.reading()).bytes().toText());
    question
        .area()
        .ifPresent(
            circle ->
                json.putObject("area")
                    .put("latitude", circle.center().latitude())
                    .put("longitude", circle.center().longitude())
                    .put("radius", circle.radiusMetres()));
    json.put("max_age_s", question.maxAge().toSeconds());
    json.put("nonce", question.nonce());
    return json.toString();
  }

  public static SensorQuestion readQuestion(String text) throws MalformedStructureException {
    JsonNode json = tree(text);
    try {
      JsonNode area = json.path("area");
      return new SensorQuestion(
          text(json, "node_id"),
          LocationDocument.parse(Bytes.ofText(text(json, "reading"))).reading(),
          area.isMissingNode()
              ? Optional.empty()
              : Optional.of(
                  new Region.Circle(
                      "asked",
                      new GeoPoint(number(area, "latitude"), number(area, "longitude")),
                      number(area, "radius"))),
          Duration.ofSeconds((long) number(json, "max_age_s")),
          text(json, "nonce"));
    } catch (IllegalArgumentException e) { // a field that is not what its name says
      throw malformed(String.valueOf(e.getMessage()));
    }
  }

  public static String write(SensorAnswer answer) {
    ObjectNode json = JSON.createObjectNode();
    json.put("standing", answer.standing().name());
    answer.operator().ifPresent(word -> json.put("operator", word.name()));
    answer.msisdn().ifPresent(number -> json.put("msisdn", number));
    answer
        .endorsement()
        .ifPresent(
            word ->
                json.putObject("endorsement")
                    .put("text", word.json())
                    .put("signature", word.signature())
                    .put("key_id", word.keyId()));
    answer.keys().ifPresent(keys -> json.put("keys", keys));
    return json.toString();
  }

  public static SensorAnswer readAnswer(String text) throws MalformedStructureException {
    JsonNode json = tree(text);
    try {
      JsonNode word = json.path("endorsement");
      return new SensorAnswer(
          SensorAnswer.Standing.valueOf(text(json, "standing")),
          json.has("operator")
              ? Optional.of(SensorAnswer.Word.valueOf(text(json, "operator")))
              : Optional.empty(),
          json.has("msisdn") ? Optional.of(text(json, "msisdn")) : Optional.empty(),
          word.isMissingNode()
              ? Optional.empty()
              : Optional.of(
                  new SignedWord(
                      text(word, "text"), text(word, "signature"), text(word, "key_id"))),
          json.has("keys") ? Optional.of(text(json, "keys")) : Optional.empty());
    } catch (IllegalArgumentException e) { // a field that is not what its name says
      throw malformed(String.valueOf(e.getMessage()));
    }
  }

  private static JsonNode tree(String text) throws MalformedStructureException {
    if (text.length() > MAX_SIZE) {
      throw malformed("%d characters".formatted(text.length()));
    }
    try {
      JsonNode json = JSON.readTree(text);
      if (!json.isObject()) {
        throw malformed("not a JSON object");
      }
      return json;
    } catch (JsonProcessingException e) {
      throw malformed("not JSON");
    }
  }

  private static String text(JsonNode json, String field) {
    JsonNode value = json.path(field);
    if (!value.isTextual()) {
      throw new IllegalArgumentException(field + " is not a text");
    }
    return value.textValue();
  }

  private static double number(JsonNode json, String field) {
    JsonNode value = json.path(field);
    if (!value.isNumber()) {
      throw new IllegalArgumentException(field + " is not a number");
    }
    return value.doubleValue();
  }

  private static MalformedStructureException malformed(String what) {
    return new MalformedStructureException("locate", what);
  }
}
