package dev.serai.role;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;

/** So many per second and peer, with a burst. Remembers a bounded number of peers. */
public final class RateLimits {
  private static final int MAX_PEERS = 16_384;

  private final String what;
  private double perSecond;
  private int burst;
  private final InstantSource clock;
  private final Map<String, Bucket> buckets =
      new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Bucket> eldest) {
          return size() > MAX_PEERS;
        }
      };

  private static final class Bucket {
    private double tokens;
    private long at;
  }

  public RateLimits(String what, int perSecond, int burst, InstantSource clock) {
    this.what = what;
    this.clock = clock;
    use(perSecond, burst);
  }

  /** From the next call on; what a peer has left stays, up to the burst. */
  public final synchronized void use(int newPerSecond, int newBurst) {
    if (newPerSecond < 1 || newBurst < 1) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID, "a limit of " + what + " is below 1");
    }
    this.perSecond = newPerSecond;
    this.burst = newBurst;
  }

  /**
   * @throws RefusalException RATE_LIMITED; nothing is taken then
   */
  public synchronized void take(String peer, int count) {
    long now = clock.millis();
    Bucket bucket = buckets.computeIfAbsent(peer, p -> full(now));
    bucket.tokens =
        Math.min(burst, bucket.tokens + Math.max(0, now - bucket.at) * perSecond / 1000);
    bucket.at = now;
    if (bucket.tokens < count) {
      throw new RefusalException(
          ReasonCode.RATE_LIMITED,
          count > burst
              ? "more than " + burst + " at once: " + what
              : "too many per second: " + what);
    }
    bucket.tokens -= count;
  }

  public synchronized int peers() {
    return buckets.size();
  }

  private Bucket full(long now) {
    Bucket bucket = new Bucket();
    bucket.tokens = burst;
    bucket.at = now;
    return bucket;
  }
}
