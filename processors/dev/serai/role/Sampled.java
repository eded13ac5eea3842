package dev.serai.role;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/**
 * Figures that come from the database, for gauges: read once for all gauges of a scrape, on a
 * thread of their own, and waited for but shortly. A database that hangs or fails makes them NaN;
 * it does not keep the other figures from being scraped.
 */
public final class Sampled<T> {
  private static final long FRESH_NANOS = Duration.ofSeconds(1).toNanos();
  private static final long WAIT_MILLIS = 250;
  private static final ThreadPoolExecutor READERS = readers();

  private final Supplier<T> source;
  private CompletableFuture<T> latest;
  private long askedAt;

  public Sampled(Supplier<T> source) {
    this.source = source;
  }

  /** One figure of it; NaN when there is none now. */
  public double get(ToDoubleFunction<T> figure) {
    try {
      return figure.applyAsDouble(asked().get(WAIT_MILLIS, TimeUnit.MILLISECONDS));
    } catch (ExecutionException | TimeoutException e) { // the database's own meters tell why
      return Double.NaN;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Double.NaN;
    }
  }

  private synchronized CompletableFuture<T> asked() {
    long now = System.nanoTime();
    boolean old = latest == null || (latest.isDone() && now - askedAt > FRESH_NANOS);
    if (old) {
      askedAt = now;
      try {
        latest = CompletableFuture.supplyAsync(source, READERS);
      } catch (RejectedExecutionException e) {
        latest = CompletableFuture.failedFuture(e);
      }
    }
    return latest;
  }

  private static ThreadPoolExecutor readers() {
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            2,
            2,
            30,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(64),
            action -> {
              Thread thread = new Thread(action, "serai-figures");
              thread.setDaemon(true);
              return thread;
            });
    pool.allowCoreThreadTimeOut(true);
    return pool;
  }
}
