package dev.serai.camara;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.keylime.KeylimeJson;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Optional;

/**
 * An HTTP answer of the operator.
 *
 * @param retryAfter the header of that name as it came
 */
record OperatorReply(int status, Bytes body, Optional<String> retryAfter) {
  private static final Duration USUAL_PAUSE = Duration.ofSeconds(30);
  private static final Duration LONGEST_PAUSE = Duration.ofHours(1);

  /** The body as a JSON object. */
  JsonNode json() throws MalformedStructureException {
    return KeylimeJson.read(body, LocationDialect.LIMIT, ObjectNode.class);
  }

  /** CAMARA's code or OAuth's error; empty when there is none that looks like one. */
  String code() {
    JsonNode json;
    try {
      json = json();
    } catch (MalformedStructureException e) {
      json = MissingNode.getInstance();
    }
    String code = json.path("code").asText(json.path("error").asText(""));
    return code.matches("[A-Za-z_.]{1,64}") ? code : "";
  }

  /** How long it wants to be left alone: at least a second, an hour at most. */
  Duration pause(Instant now) {
    Duration wished = retryAfter.flatMap(text -> parse(text, now)).orElse(USUAL_PAUSE);
    if (wished.compareTo(Duration.ofSeconds(1)) < 0) {
      return Duration.ofSeconds(1);
    }
    return wished.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : wished;
  }

  /** Seconds, or a date. RFC 9110, 10.2.3. */
  private static Optional<Duration> parse(String text, Instant now) {
    if (text.matches("[0-9]{1,9}")) {
      return Optional.of(Duration.ofSeconds(Long.parseLong(text)));
    }
    try {
      Instant until = ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      return Optional.of(Duration.between(now, until));
    } catch (DateTimeException e) {
      return Optional.empty();
    }
  }
}
