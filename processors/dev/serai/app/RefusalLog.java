package dev.serai.app;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One line for a refusal, but not one for each when the same goes on and on: a loop that fails, or
 * a stranger who asks again and again, must not fill a disk. Of each route and code the first few
 * are told, then one in half a minute with the number of those left out. DEBUG shows all of them,
 * and the meters count all of them.
 */
final class RefusalLog {
  private static final Logger LOG = LoggerFactory.getLogger(RefuseProcessor.class);
  private static final int AT_ONCE = 5;
  private static final Duration PAUSE = Duration.ofSeconds(30);

  private final InstantSource clock;

  /** By route and code, both of which are few. */
  private final Map<String, Allowance> byKind = new ConcurrentHashMap<>();

  RefusalLog(InstantSource clock) {
    this.clock = clock;
  }

  /** failure: shown when it is a bug. */
  void tell(String route, Reason reason, String traceId, Throwable failure) {
    Allowance allowance =
        byKind.computeIfAbsent(route + " " + reason.code(), key -> new Allowance(clock.instant()));
    long left = allowance.take(clock.instant());
    String more = left > 0 ? " left-out=" + left : "";
    if (left < 0) {
      LOG.debug(
          "refused code={} route={} trace={} detail=\"{}\"",
          reason.code(),
          route,
          traceId,
          oneLine(reason.detail()));
    } else if (reason.code() == ReasonCode.INTERNAL_ERROR) {
      LOG.error(
          "refused code={} route={} trace={}{}", reason.code(), route, traceId, more, failure);
    } else {
      LOG.info(
          "refused code={} route={} trace={} detail=\"{}\"{}",
          reason.code(),
          route,
          traceId,
          oneLine(reason.detail()),
          more);
    }
  }

  /** It is as it was told before. */
  void tellAgain(String route, Reason reason, String traceId) {
    LOG.debug("refused again code={} route={} trace={}", reason.code(), route, traceId);
  }

  private static String oneLine(String detail) {
    return detail == null ? "" : detail.replaceAll("[\\p{Cntrl}\"]+", " ");
  }

  /** Some at once, and one more with each pause. */
  private static final class Allowance {
    private int tokens = AT_ONCE;
    private Instant filledAt;
    private long leftOut;

    Allowance(Instant now) {
      this.filledAt = now;
    }

    /** How many were left out before this one; -1 when this one is left out too. */
    synchronized long take(Instant now) {
      long pauses = Duration.between(filledAt, now).dividedBy(PAUSE);
      if (pauses != 0) { // also when the clock went back
        tokens = (int) Math.min(AT_ONCE, tokens + Math.max(0, pauses));
        filledAt = now;
      }
      if (tokens == 0) {
        leftOut++;
        return -1;
      }
      tokens--;
      long before = leftOut;
      leftOut = 0;
      return before;
    }
  }
}
