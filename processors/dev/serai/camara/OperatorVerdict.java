package dev.serai.camara;

import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the operator said. That it could not be asked is a refusal, never one of these.
 *
 * @param matchRate percent of the network's area that lies in the area asked for; with PARTIAL only
 * @param lastLocationTime when the network located the device
 */
public record OperatorVerdict(
    Result result, OptionalInt matchRate, Optional<Instant> lastLocationTime) {
  /** TRUE is in the area, FALSE is not; the others are neither. */
  public enum Result {
    TRUE,
    FALSE,
    PARTIAL,
    UNKNOWN;

    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public OperatorVerdict {
    if (matchRate.isPresent() && result != Result.PARTIAL) {
      throw new IllegalArgumentException("a match rate with " + result);
    }
  }

  static OperatorVerdict of(Result result) {
    return new OperatorVerdict(result, OptionalInt.empty(), Optional.empty());
  }

  /** The operator has the device in the area. */
  public boolean isTrue() {
    return result == Result.TRUE;
  }

  /** The operator has the device elsewhere. */
  public boolean isFalse() {
    return result == Result.FALSE;
  }
}
