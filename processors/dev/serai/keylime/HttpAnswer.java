package dev.serai.keylime;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.tpm.Bytes;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An answer on HTTP, ready to be sent. As the detail of a refusal it replaces the answer that would
 * be sent otherwise, where Keylime's own status and text are the contract.
 *
 * @param contentType of the body; "" when there is none
 */
public record HttpAnswer(int status, String contentType, Bytes body) {
  private static final String JSON = "application/json";

  /** A status and nothing else, as Keylime answers what it does not know. */
  public static HttpAnswer empty(int status) {
    return new HttpAnswer(status, "", Bytes.EMPTY);
  }

  /** An {@link Envelope}, with its code as the status. */
  public static HttpAnswer of(Envelope<?> envelope) {
    return new HttpAnswer(envelope.code(), JSON, KeylimeJson.write(envelope));
  }

  /** An envelope with Keylime's own text, and the reason in results, for people and agents. */
  public static HttpAnswer refusal(int status, String text, String reasonCode, String detail) {
    Map<String, String> results = new LinkedHashMap<>();
    results.put("reason", reasonCode);
    results.put("detail", detail);
    return of(new Envelope<>(status, text, results));
  }

  /** Keylime's form of a refused authorization, also on 2.x paths. */
  public static HttpAnswer forbidden(String action) {
    return new HttpAnswer(
        403,
        JSON,
        KeylimeJson.write(
            new Errors(
                List.of(
                    new Problem(
                        "403",
                        "Forbidden",
                        "Action %s requires admin authentication (mTLS certificate)"
                            .formatted(action))))));
  }

  private record Errors(@JsonProperty("errors") List<Problem> errors) {}

  private record Problem(
      @JsonProperty("status") String status,
      @JsonProperty("title") String title,
      @JsonProperty("detail") String detail) {}
}
