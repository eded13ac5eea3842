package dev.serai.keylime;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Map;

/**
 * What every answer of the 2.x interface is wrapped in.
 *
 * @param code the HTTP status again
 * @param results an empty object rather than nothing
 */
public record Envelope<T>(
    @JsonProperty("code") int code,
    @JsonProperty("status") String status,
    @JsonProperty("results") T results) {
  /** An answer that has no result. */
  public static Envelope<Map<String, Object>> bare(int code, String status) {
    return new Envelope<>(code, status, Map.of());
  }

  /** 200. */
  public static <T> Envelope<T> success(T results) {
    return new Envelope<>(200, "Success", results);
  }
}
