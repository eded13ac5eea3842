package dev.serai.service;

import dev.serai.reason.ReasonCode;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Closes one thing after the other within one deadline. What hangs is given up with a line in the
 * log, and the rest is closed all the same.
 */
public final class BoundedClose {
  private static final Logger LOG = LoggerFactory.getLogger(BoundedClose.class);
  private static final long LEAST_MILLIS = 20;

  private final long end;

  /** All of it in this time. */
  public BoundedClose(Duration total) {
    this.end = System.nanoTime() + total.toNanos();
  }

  /** Closes it, and waits as long as given, and not beyond the deadline. */
  public void close(String what, AutoCloseable closeable, Duration longest) {
    Thread thread = new Thread(() -> closeLogged(what, closeable), "serai-close-" + what);
    thread.setDaemon(true);
    thread.start();
    long left = (end - System.nanoTime()) / 1_000_000;
    try {
      thread.join(Math.max(LEAST_MILLIS, Math.min(left, longest.toMillis())));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (thread.isAlive()) {
      StackTraceElement[] at = thread.getStackTrace();
      LOG.warn(
          "stopping goes on without {} code={} at=\"{}\"",
          what,
          ReasonCode.DEADLINE_EXCEEDED,
          at.length == 0 ? "" : at[0]);
    }
  }

  private static void closeLogged(String what, AutoCloseable closeable) {
    try {
      closeable.close();
    } catch (Exception e) { // the rest is closed too
      LOG.warn("closing {} failed", what, e);
    }
  }
}
