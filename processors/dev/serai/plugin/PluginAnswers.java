package dev.serai.plugin;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.keylime.HttpAnswer;
import dev.serai.keylime.KeylimeJson;
import dev.serai.reason.Reason;
import java.util.Optional;

/** The prototype's answers; errors are JSON here, with our reason beside its text. */
final class PluginAnswers {
  private static final String JSON = "application/json";

  private PluginAnswers() {}

  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  private record Answer(
      @JsonProperty("status") String status,
      @JsonProperty("app_key_public") Optional<String> key,
      @JsonProperty("app_key_certificate") Optional<String> certificate,
      @JsonProperty("agent_uuid") Optional<String> agent,
      @JsonProperty("signature") Optional<String> signature,
      @JsonProperty("verified") Optional<Boolean> verified,
      @JsonProperty("error") Optional<String> error,
      @JsonProperty("reason") Optional<String> reason) {}

  private static final Optional<String> NO = Optional.empty();

  private static HttpAnswer answer(int status, Answer body) {
    return new HttpAnswer(status, JSON, KeylimeJson.write(body));
  }

  static HttpAnswer health() {
    return answer(200, new Answer("ok", NO, NO, NO, NO, Optional.empty(), NO, NO));
  }

  static HttpAnswer appKey(String pem) {
    return answer(
        200, new Answer("success", Optional.of(pem), NO, NO, NO, Optional.empty(), NO, NO));
  }

  static HttpAnswer certificate(DelegatedCertificate made) {
    return answer(
        200,
        new Answer(
            "success",
            NO,
            Optional.of(made.encoded()),
            Optional.of(made.agentId()),
            NO,
            Optional.empty(),
            NO,
            NO));
  }

  static HttpAnswer signature(String base64) {
    return answer(
        200, new Answer("success", NO, NO, NO, Optional.of(base64), Optional.empty(), NO, NO));
  }

  static HttpAnswer verified() {
    return answer(200, new Answer("success", NO, NO, NO, NO, Optional.of(true), NO, NO));
  }

  /** No error of HTTP: the question was answered. */
  static HttpAnswer notVerified() {
    return answer(
        200,
        new Answer(
            "error", NO, NO, NO, NO, Optional.empty(), Optional.of("Verification failed"), NO));
  }

  static HttpAnswer refusal(Reason reason) {
    int status = switch (reason.code()) { // where the prototype's status is another
          case UNKNOWN_OPERATION -> 404;
          case FEATURE_OFF -> 403;
          default -> reason.code().kind().httpStatus();
        };
    return answer(
        status,
        new Answer(
            "error",
            NO,
            NO,
            NO,
            NO,
            Optional.empty(),
            Optional.of(reason.code() + ": " + reason.detail()),
            Optional.of(reason.code().name())));
  }
}
