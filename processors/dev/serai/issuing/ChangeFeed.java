package dev.serai.issuing;

import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import java.time.InstantSource;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Tells watching nodes at once what concerns them. A watcher that is slow or throws keeps nobody
 * from hearing; watchers return at once.
 */
final class ChangeFeed {
  private final Set<Watcher> watchers = ConcurrentHashMap.newKeySet();
  private final AtomicLong revision;
  private volatile EntryIndex index;
  private final InstantSource clock;

  ChangeFeed(InstantSource clock) {
    this.clock = clock;
    this.revision = new AtomicLong(clock.millis()); // rises over restarts too
  }

  /** One node's open watch. */
  interface Watcher {
    SpiffeId node();

    Set<Selector> selectors();

    /** Entries or the bundle have changed. */
    void changed(long revision);

    /** The node's own record has changed: it may be refused now. */
    void recordChanged(long revision);
  }

  void follow(EntryIndex entries) {
    this.index = entries;
  }

  long revision() {
    return revision.get();
  }

  int watching() {
    return watchers.size();
  }

  void add(Watcher watcher) {
    watchers.add(watcher);
  }

  void remove(Watcher watcher) {
    watchers.remove(watcher);
  }

  void bundleChanged() {
    long now = revision.incrementAndGet();
    watchers.forEach(watcher -> watcher.changed(now));
  }

  void nodeChanged(SpiffeId node) {
    long now = revision.incrementAndGet();
    for (Watcher watcher : watchers) {
      if (watcher.node().equals(node)) {
        watcher.recordChanged(now);
      }
    }
  }

  /** An entry that is in the index, new or as it was before its change. */
  void entryChanged(RegisteredEntry entry) {
    entryChanging(entry, () -> {});
  }

  /** Finds out whom the entry concerns, makes the change, then tells them. */
  void entryChanging(RegisteredEntry entry, Runnable change) {
    Set<Watcher> concerned = ConcurrentHashMap.newKeySet();
    for (Watcher watcher : watchers) {
      if (index.isGroup(entry)
          || index.isAuthorized(entry, watcher.node(), watcher.selectors(), clock.instant())
          || entry.isExpired(clock.instant())) {
        concerned.add(watcher);
      }
    }
    change.run();
    long now = revision.incrementAndGet();
    concerned.forEach(watcher -> watcher.changed(now));
  }
}
