package dev.serai.watching;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The bulkhead: nodes being looked at now, never more than the limit. A place that nobody gave back
 * is free again when its lease is over, so no fault can use the places up.
 */
final class WatchFlight {
  private final int limit;
  private final Duration lease;
  private final Map<String, Instant> until = new ConcurrentHashMap<>();

  WatchFlight(int limit, Duration lease) {
    this.limit = limit;
    this.lease = lease;
  }

  int free(Instant now) {
    Instant latest = now.plus(lease); // a lease that ends later was given before a clock went back
    until.values().removeIf(end -> !end.isAfter(now) || end.isAfter(latest));
    return Math.max(0, limit - until.size());
  }

  void begin(String nodeId, Instant now) {
    until.put(nodeId, now.plus(lease));
  }

  void end(String nodeId) {
    until.remove(nodeId);
  }

  int size() {
    return until.size();
  }
}
