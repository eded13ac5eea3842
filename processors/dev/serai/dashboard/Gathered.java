package dev.serai.dashboard;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A view that may have to wait for a database: gathered in the background, at most one at a time,
 * and not again before ten times as long has passed as it took (at most five seconds). Who asks
 * waits a moment for the new one and else gets the last.
 */
final class Gathered<T> {
  private static final Logger LOG = LoggerFactory.getLogger(Gathered.class);
  private static final Duration PATIENCE = Duration.ofMillis(400);
  private static final long LEAST_PAUSE_NANOS = Duration.ofMillis(500).toNanos();
  private static final long MOST_PAUSE_NANOS = Duration.ofSeconds(5).toNanos();

  private final Supplier<T> source;
  private final ExecutorService threads;
  private Optional<Known<T>> last = Optional.empty();
  private Future<?> running;
  private boolean failed;

  private record Known<T>(T value, long atNanos, long tookNanos) {}

  /**
   * What is known.
   *
   * @param value empty when it was never gathered
   * @param stale the present state could not be had
   */
  record View<T>(Optional<T> value, Duration age, boolean stale) {}

  Gathered(Supplier<T> source, ExecutorService threads) {
    this.source = source;
    this.threads = threads;
  }

  View<T> get() {
    Future<?> open;
    synchronized (this) {
      if (running == null && isOld()) {
        running = threads.submit(this::gather);
      }
      open = running;
    }
    if (open != null) {
      await(open);
    }
    synchronized (this) {
      return new View<>(
          last.map(Known::value),
          last.map(known -> Duration.ofNanos(System.nanoTime() - known.atNanos()))
              .orElse(Duration.ZERO),
          running != null || failed || last.isEmpty());
    }
  }

  private boolean isOld() {
    return failed
        || last.isEmpty()
        || System.nanoTime() - last.get().atNanos()
            > Math.min(MOST_PAUSE_NANOS, Math.max(LEAST_PAUSE_NANOS, 10 * last.get().tookNanos()));
  }

  private void gather() {
    long from = System.nanoTime();
    Optional<Known<T>> made = Optional.empty();
    try {
      T value = source.get();
      long now = System.nanoTime();
      made = Optional.of(new Known<>(value, now, now - from));
    } catch (RuntimeException e) { // the last one stays, marked as old
      LOG.debug("a view of the dashboard could not be gathered", e);
    } finally {
      synchronized (this) {
        failed = made.isEmpty();
        if (!failed) {
          last = made;
        }
        running = null;
      }
    }
  }

  private static void await(Future<?> open) {
    try {
      open.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException e) { // the last one is shown
      LOG.debug("a view of the dashboard is not there in time", e);
    }
  }
}
