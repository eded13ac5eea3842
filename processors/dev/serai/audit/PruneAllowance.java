package dev.serai.audit;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * How much of the log may be removed, by how long the process has run and not by the time of day:
 * in an hour no more than a day's share of what there is. Removal keeps up with what is added many
 * times over; a clock that jumped forward, for which all is old, is noticed before it has cost the
 * log. What was not used for an hour is not saved up.
 */
final class PruneAllowance {
  private static final double CATCH_UP = 24;
  private static final double SAVED_UP_NANOS = Duration.ofHours(1).toNanos();

  private final double keepNanos;
  private final LongSupplier nanos;
  private long last;
  private double unused;

  /**
   * @param keep how old records become
   * @param nanos a clock that nobody sets
   */
  PruneAllowance(Duration keep, LongSupplier nanos) {
    this.keepNanos = Math.max(1, keep.toMillis() * 1e6);
    this.nanos = nanos;
    this.last = nanos.getAsLong();
  }

  /** Of a log of this size. */
  long now(long size) {
    long at = nanos.getAsLong();
    double perNano = size * CATCH_UP / keepNanos;
    unused = Math.min(unused + (at - last) * perNano, Math.max(1, SAVED_UP_NANOS * perNano));
    last = at;
    return (long) unused;
  }

  void used(int records) {
    unused = Math.max(0, unused - records);
  }
}
