package dev.serai.agent;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One token bucket per peer. Bounded: the peer seen longest ago is forgotten first. Safe for use
 * from any thread.
 */
final class TokenBuckets {
  private static final int MOST_PEERS = 1024;

  private double perSecond;
  private double burst;
  private final Map<String, Bucket> buckets =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Bucket> eldest) {
          return size() > MOST_PEERS;
        }
      };

  private record Bucket(double tokens, Instant at) {}

  TokenBuckets(double perSecond, double burst) {
    use(perSecond, burst);
  }

  /** From the next call on; what a peer has left stays, up to the burst. */
  final synchronized void use(double newPerSecond, double newBurst) {
    if (!(newPerSecond > 0) || !(newBurst >= 1)) {
      throw new IllegalArgumentException(
          "a bucket of %s with %s per second".formatted(newBurst, newPerSecond));
    }
    this.perSecond = newPerSecond;
    this.burst = newBurst;
  }

  /** Whether this peer may go on now; takes a token if so. */
  synchronized boolean take(String peer, Instant now) {
    Bucket bucket = buckets.getOrDefault(peer, new Bucket(burst, now));
    double waited = Math.max(0, Duration.between(bucket.at, now).toMillis() / 1000.0);
    double tokens = Math.min(burst, bucket.tokens + waited * perSecond);
    boolean allowed = tokens >= 1;
    buckets.put(peer, new Bucket(allowed ? tokens - 1 : tokens, now));
    return allowed;
  }
}
