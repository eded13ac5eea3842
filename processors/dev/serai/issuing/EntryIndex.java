package dev.serai.issuing;

import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * All registration entries in memory, arranged for the question which of them a node may hand out:
 * its children, the children of the groups whose selectors it has, and theirs. Any thread.
 */
final class EntryIndex {
  private final SpiffeId groupParent;
  private final NavigableMap<String, RegisteredEntry> byId = new ConcurrentSkipListMap<>();
  private final ReadWriteLock lock = new ReentrantReadWriteLock();

  // Guarded by lock.
  private final Map<SpiffeId, Map<String, RegisteredEntry>> byParent = new HashMap<>();
  private final Map<SpiffeId, Map<String, RegisteredEntry>> bySpiffeId = new HashMap<>();
  private final Map<Selector, Map<String, RegisteredEntry>> groupsByLeastSelector = new HashMap<>();

  EntryIndex(TrustDomain trustDomain) {
    this.groupParent = trustDomain.withPath("/spire/server");
  }

  Optional<RegisteredEntry> find(String id) {
    return Optional.ofNullable(byId.get(id));
  }

  /** In the order of their ids; weakly consistent. */
  Collection<RegisteredEntry> all() {
    return byId.values();
  }

  /** Those with ids after this one, in order. */
  Collection<RegisteredEntry> after(String id) {
    return byId.tailMap(id, false).values();
  }

  int size() {
    return byId.size();
  }

  void put(RegisteredEntry entry) {
    lock.writeLock().lock();
    try {
      RegisteredEntry before = byId.put(entry.id(), entry);
      if (before != null) {
        unlink(before);
      }
      byParent.computeIfAbsent(entry.parentId(), p -> new TreeMap<>()).put(entry.id(), entry);
      bySpiffeId.computeIfAbsent(entry.spiffeId(), s -> new TreeMap<>()).put(entry.id(), entry);
      if (isGroup(entry)) {
        groupsByLeastSelector
            .computeIfAbsent(least(entry), s -> new TreeMap<>())
            .put(entry.id(), entry);
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  void remove(String id) {
    lock.writeLock().lock();
    try {
      RegisteredEntry before = byId.remove(id);
      if (before != null) {
        unlink(before);
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** Everything a node may hand out, by entry id. */
  NavigableMap<String, RegisteredEntry> authorized(
      SpiffeId node, Set<Selector> selectors, Instant now) {
    return reading(
        () -> {
          NavigableMap<String, RegisteredEntry> found = new TreeMap<>();
          Set<SpiffeId> seen = new HashSet<>();
          Deque<SpiffeId> parents = new ArrayDeque<>();
          parents.add(node);
          for (Selector selector : selectors) {
            for (RegisteredEntry group :
                groupsByLeastSelector.getOrDefault(selector, Map.of()).values()) {
              if (!group.isExpired(now) && selectors.containsAll(group.selectors())) {
                parents.add(group.spiffeId());
              }
            }
          }
          while (!parents.isEmpty()) {
            SpiffeId parent = parents.remove();
            if (parent.equals(groupParent) || !seen.add(parent)) {
              continue;
            }
            for (RegisteredEntry child : byParent.getOrDefault(parent, Map.of()).values()) {
              if (!child.isExpired(now)) {
                found.put(child.id(), child);
                parents.add(child.spiffeId());
              }
            }
          }
          return found;
        });
  }

  /** Whether one entry is among {@link #authorized}, without making the others out. */
  boolean isAuthorized(RegisteredEntry entry, SpiffeId node, Set<Selector> selectors, Instant now) {
    if (entry.isExpired(now)) {
      return false;
    }
    return reading(
        () -> {
          Set<SpiffeId> seen = new HashSet<>();
          Deque<SpiffeId> parents = new ArrayDeque<>();
          parents.add(entry.parentId());
          while (!parents.isEmpty()) {
            SpiffeId parent = parents.remove();
            if (parent.equals(groupParent) || !seen.add(parent)) {
              continue;
            }
            if (parent.equals(node)) {
              return true;
            }
            for (RegisteredEntry above : bySpiffeId.getOrDefault(parent, Map.of()).values()) {
              if (above.isExpired(now)) {
                continue;
              }
              if (isGroup(above)) {
                if (selectors.containsAll(above.selectors())) {
                  return true;
                }
              } else {
                parents.add(above.parentId());
              }
            }
          }
          return false;
        });
  }

  /** A group of nodes, not an identity to hand out. */
  boolean isGroup(RegisteredEntry entry) {
    return entry.parentId().equals(groupParent);
  }

  private <T> T reading(Supplier<T> work) {
    lock.readLock().lock();
    try {
      return work.get();
    } finally {
      lock.readLock().unlock();
    }
  }

  private void unlink(RegisteredEntry entry) {
    unlink(byParent, entry.parentId(), entry.id());
    unlink(bySpiffeId, entry.spiffeId(), entry.id());
    if (isGroup(entry)) {
      unlink(groupsByLeastSelector, least(entry), entry.id());
    }
  }

  private static <K> void unlink(Map<K, Map<String, RegisteredEntry>> index, K key, String id) {
    Map<String, RegisteredEntry> entries = index.get(key);
    if (entries != null) {
      entries.remove(id);
      if (entries.isEmpty()) {
        index.remove(key);
      }
    }
  }

  private static Selector least(RegisteredEntry entry) {
    return entry.selectors().stream().min(Selector::compareTo).orElseThrow();
  }
}
