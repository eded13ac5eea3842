package dev.serai.management;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.camel.CamelContext;
import org.apache.camel.Route;
import org.apache.camel.component.timer.TimerConsumer;

/**
 * Whether this process can still go on by itself. Each check here says something that only a
 * restart mends: threads that wait for each other for ever, a timer whose thread has died, a heap
 * that no collection empties. That a peer, the TPM or the database is away is none of these. What
 * is found counts only when it is still so a while later.
 */
public final class Vitals {
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final double FULL = 0.98;

  private final CamelContext camel;
  private final Duration patience;
  private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
  // Guarded by this: since when something is wrong, and what.
  private final Map<String, Finding> findings = new HashMap<>();

  private record Finding(String what, long since) {}

  Vitals(CamelContext camel) {
    this(camel, PATIENCE);
  }

  Vitals(CamelContext camel, Duration patience) {
    this.camel = camel;
    this.patience = patience;
  }

  /** Every check, by name; empty when it is well. */
  synchronized Map<String, Optional<String>> check() {
    Map<String, Optional<String>> checks = new LinkedHashMap<>();
    checks.put("ping", Optional.empty());
    checks.put("deadlock", lasting("deadlock", deadlock()));
    checks.put("timers", lasting("timers", deadTimers()));
    checks.put("heap", lasting("heap", fullHeap()));
    return checks;
  }

  /** Whether a restart would not help. */
  public boolean alive() {
    return check().values().stream().allMatch(Optional::isEmpty);
  }

  private Optional<String> lasting(String check, Optional<String> found) {
    if (found.isEmpty()) {
      findings.remove(check);
      return Optional.empty();
    }
    Finding before = findings.get(check);
    if (before == null || !before.what().equals(found.get())) {
      before = new Finding(found.get(), System.nanoTime());
      findings.put(check, before);
    }
    return System.nanoTime() - before.since() >= patience.toNanos() ? found : Optional.empty();
  }

  private Optional<String> deadlock() {
    long[] ids = threads.findDeadlockedThreads();
    if (ids == null) {
      return Optional.empty();
    }
    return Optional.of(
        "threads wait for each other for ever: "
            + Arrays.stream(threads.getThreadInfo(ids))
                .filter(Objects::nonNull)
                .map(ThreadInfo::getThreadName)
                .sorted()
                .collect(Collectors.joining(", ")));
  }

  /** A fault beyond exceptions ends the thread of a timer, and with it the route's work. */
  private Optional<String> deadTimers() {
    if (!camel.isStarted()) {
      return Optional.empty();
    }
    Set<String> wanted = new HashSet<>();
    for (Route route : camel.getRoutes()) {
      if (route.getConsumer() instanceof TimerConsumer timer
          && timer.isStarted()
          && timer.getRepeatCount() == 0) {
        wanted.add("timer://" + timer.getTimerName());
      }
    }
    for (ThreadInfo thread : threads.getThreadInfo(threads.getAllThreadIds())) {
      if (thread != null) {
        String name = thread.getThreadName(); // "... - timer://<name>", before it as configured
        wanted.remove(name.substring(name.lastIndexOf(' ') + 1));
      }
    }
    return wanted.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "timers without a thread: " + String.join(", ", wanted.stream().sorted().toList()));
  }

  private static Optional<String> fullHeap() {
    for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
      // Only what holds the long-lived has a usage threshold; the young spaces are full by design.
      boolean old = pool.getType() == MemoryType.HEAP && pool.isUsageThresholdSupported();
      MemoryUsage kept = old ? pool.getCollectionUsage() : null;
      if (kept != null && kept.getMax() > 0 && kept.getUsed() > FULL * kept.getMax()) {
        return Optional.of(pool.getName() + " is full after a collection");
      }
    }
    return Optional.empty();
  }
}
