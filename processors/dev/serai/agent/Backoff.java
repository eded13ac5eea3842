package dev.serai.agent;

import java.time.Duration;

/**
 * Capped exponential back-off with jitter.
 *
 * @param first the delay after the first failure
 * @param most no delay is longer than this
 */
public record Backoff(Duration first, Duration most) {
  /** A delay is spread by this part of itself to both sides, so that a fleet does not march. */
  private static final double SPREAD = 0.2;

  public Backoff {
    if (first.isNegative() || first.isZero() || most.compareTo(first) < 0) {
      throw new IllegalArgumentException("a back-off of %s up to %s".formatted(first, most));
    }
  }

  /**
   * The delay before the next try.
   *
   * @param failures failures in a row, 1 or more
   * @param random from 0 (inclusive) to 1, from the caller: this class has no dice
   */
  public Duration after(int failures, double random) {
    double grown = first.toMillis() * Math.pow(2, Math.min(Math.max(failures, 1) - 1, 30));
    double capped = Math.min(grown, most.toMillis());
    double spread = capped * (1 - SPREAD + 2 * SPREAD * random);
    return Duration.ofMillis(Math.min(Math.round(spread), most.toMillis()));
  }
}
