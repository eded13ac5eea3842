package dev.serai.service;

import dev.serai.reason.ReasonCode;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the service manager how the process is doing: its status line when that changes, and a sign
 * of life at half of the watchdog's time, only while the self-check finds nothing.
 */
public final class Pulse implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Pulse.class);
  private static final long LOOK_MILLIS = 1000;

  private final ServiceManager manager;
  private final Supplier<String> words;
  private final SelfCheck check;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread made = new Thread(work, "serai-pulse");
            made.setDaemon(true);
            return made;
          });
  private String said = "";
  private Optional<String> trouble = Optional.empty();

  private Pulse(ServiceManager manager, Supplier<String> words, SelfCheck check) {
    this.manager = manager;
    this.words = words;
    this.check = check;
  }

  /**
   * Says that the process is ready, and goes on from there.
   *
   * @param words how the process is doing, from memory
   */
  public static Pulse start(ServiceManager manager, Supplier<String> words, SelfCheck check) {
    Pulse pulse = new Pulse(manager, words, check);
    if (manager.isThere()) {
      pulse.said = words.get();
      manager.ready(pulse.said);
      pulse.every(LOOK_MILLIS * 1_000_000, pulse::look);
      manager.watchdog().ifPresent(time -> pulse.every(time.toNanos() / 2, pulse::beat));
    }
    return pulse;
  }

  private void every(long nanos, Runnable work) {
    Future<?> unused =
        thread.scheduleAtFixedRate(
            () -> {
              try {
                work.run();
              } catch (RuntimeException e) {
                LOG.error("telling the service manager failed", e);
              }
            },
            0,
            Math.max(1, nanos),
            TimeUnit.NANOSECONDS);
  }

  private void look() {
    String now = trouble.map(t -> "self-check failed: " + t).orElseGet(words);
    if (!now.equals(said)) {
      said = now;
      manager.status(now);
    }
  }

  private void beat() {
    Optional<String> found = check.trouble();
    if (found.isEmpty()) {
      manager.alive();
    } else if (!found.equals(trouble)) {
      LOG.error(
          "self-check failed code={} detail=\"{}\"; the service manager gets no sign of life",
          ReasonCode.SELF_CHECK_FAILED,
          found.get());
    }
    trouble = found;
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
