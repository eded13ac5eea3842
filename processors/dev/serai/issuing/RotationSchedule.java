package dev.serai.issuing;

import java.time.Duration;
import java.time.Instant;

/**
 * When authorities come and go.
 *
 * @param life of an authority
 * @param keepAfterExpiry how long an expired authority stays in the bundle
 */
public record RotationSchedule(Duration life, Duration keepAfterExpiry) {
  private static final Duration LONGEST_PREPARATION = Duration.ofDays(30);
  private static final Duration LONGEST_ACTIVATION = Duration.ofDays(7);
  private static final Duration NOTICE = Duration.ofSeconds(30);

  public RotationSchedule {
    if (life.compareTo(Duration.ofMinutes(1)) < 0) {
      throw new IllegalArgumentException("an authority lives at least a minute");
    }
  }

  /** The next authority is made from here on. */
  Instant preparationDue(Instant notAfter) {
    return notAfter.minus(shorter(life.dividedBy(2), LONGEST_PREPARATION));
  }

  /** The next authority signs from here on. */
  Instant activationDue(Instant notAfter) {
    return notAfter.minus(shorter(life.dividedBy(6), LONGEST_ACTIVATION));
  }

  /** An authority is in the bundle this long before it signs, unless no other can. */
  Duration notice() {
    return shorter(life.dividedBy(6), NOTICE);
  }

  /** Longest life of a document that no rotation cuts short. */
  public Duration longestDocument() {
    return shorter(life.dividedBy(6), LONGEST_ACTIVATION);
  }

  private static Duration shorter(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }
}
