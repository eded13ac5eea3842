package dev.serai.camara;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RateLimits;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.Semaphore;

/**
 * How much the operator is asked: so many questions at once, so many a second, and none while it
 * wants to be left alone. Safe for any thread.
 */
final class Quota {
  private static final String ALL = "operator";

  private final InstantSource clock;
  private final Semaphore places;
  private final int most;
  private final RateLimits rate;
  private volatile Instant pausedUntil = Instant.MIN;

  Quota(int inFlight, int perSecond, int burst, InstantSource clock) {
    this.clock = clock;
    this.most = inFlight;
    this.places = new Semaphore(inFlight);
    this.rate = new RateLimits("questions to the operator", perSecond, burst, clock);
  }

  /**
   * @throws RefusalException OPERATOR_BUSY while it wants to be left alone
   */
  void requireNoPause() {
    paused()
        .ifPresent(
            until -> {
              throw new RefusalException(
                  ReasonCode.OPERATOR_BUSY, "the operator wants to be left alone until " + until);
            });
  }

  /**
   * A place and a token; give the place back with {@link #leave}.
   *
   * @throws RefusalException OPERATOR_BUSY
   */
  void enter() {
    requireNoPause();
    if (!places.tryAcquire()) {
      throw new RefusalException(
          ReasonCode.OPERATOR_BUSY, most + " questions to the operator are on their way");
    }
    try {
      rate.take(ALL, 1);
    } catch (RefusalException e) {
      places.release();
      throw new RefusalException(ReasonCode.OPERATOR_BUSY, e.reason().detail());
    }
  }

  void leave() {
    places.release();
  }

  void pause(Duration time) {
    Instant until = clock.instant().plus(time);
    if (until.isAfter(pausedUntil)) {
      pausedUntil = until;
    }
  }

  Optional<Instant> paused() {
    Instant until = pausedUntil;
    return clock.instant().isBefore(until) ? Optional.of(until) : Optional.empty();
  }
}
