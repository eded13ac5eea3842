package dev.serai.camara;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Waiting without a thread. */
@FunctionalInterface
interface Timers {
  /** Completes when so much time has passed. */
  CompletableFuture<Void> after(Duration time);

  static Timers real() {
    return time ->
        CompletableFuture.runAsync(
            () -> {}, CompletableFuture.delayedExecutor(time.toMillis(), TimeUnit.MILLISECONDS));
  }
}
