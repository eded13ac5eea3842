package dev.serai.watching;

import dev.serai.appraisal.StateReport.State;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;

/** How many nodes are in each state, as last read: metrics wait for no database. */
final class NodeCounts {
  private static final Duration AGE = Duration.ofSeconds(1);

  private final WatchStore store;
  private volatile Map<State, Integer> counts = Map.of();
  private volatile Instant readAt = Instant.MIN;

  NodeCounts(WatchStore store) {
    this.store = store;
  }

  /** Reads them again, unless that was done a moment ago. */
  void refresh(Instant now) {
    if (now.isBefore(readAt) || readAt.equals(Instant.MIN) || !now.isBefore(readAt.plus(AGE))) {
      counts = Map.copyOf(store.counts());
      readAt = now;
    }
  }

  int of(State state) {
    return counts.getOrDefault(state, 0);
  }
}
