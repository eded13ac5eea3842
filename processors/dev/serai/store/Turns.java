package dev.serai.store;

import dev.serai.deadline.Deadline;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Turns at something that only so many threads may use at once, with a bulkhead before it. A wait
 * ends at its bound or at the deadline of the flow, whichever comes first. When nobody has come or
 * gone for a second, the thing hangs: then only a few go on waiting for it and all others are
 * refused, so that it never takes the threads of flows that do not need it.
 *
 * <p>Work inside a turn of the same thread needs no other one.
 */
public final class Turns {
  private static final Duration BOUND = Duration.ofSeconds(10);
  private static final long STUCK_NANOS = 1_000_000_000;
  private static final long LOOK_NANOS = 100_000_000;
  private static final int PATIENT = 2;

  private final String what;
  private final Semaphore turns;
  private final Semaphore patience = new Semaphore(PATIENT);
  private final ThreadLocal<Boolean> mine = new ThreadLocal<>();
  private volatile long lastMove = System.nanoTime();

  /**
   * @param what for people: "the database's writer"
   * @param turns how many at once
   */
  public Turns(String what, int turns) {
    this.what = what;
    this.turns = new Semaphore(turns, true);
  }

  /**
   * Runs the work in a turn.
   *
   * @throws DatabaseException when there is none in time
   */
  public <T> T in(Supplier<T> work) {
    if (mine.get() != null) {
      return work.get();
    }
    take(Deadline.within(BOUND));
    mine.set(true);
    try {
      return work.get();
    } finally {
      mine.remove();
      lastMove = System.nanoTime();
      turns.release();
    }
  }

  /** The same for work without a result. */
  public void run(Runnable work) {
    in(
        () -> {
          work.run();
          return null;
        });
  }

  /** Whether this thread is inside a turn. */
  boolean isMine() {
    return mine.get() != null;
  }

  private void take(Duration bound) {
    long end = System.nanoTime() + bound.toNanos();
    boolean patient = false;
    try {
      while (true) {
        long left = end - System.nanoTime();
        if (turns.tryAcquire(Math.max(0, Math.min(left, LOOK_NANOS)), TimeUnit.NANOSECONDS)) {
          lastMove = System.nanoTime();
          return;
        }
        if (left <= 0) {
          throw new DatabaseException(
              "no turn at %s within %d ms".formatted(what, bound.toMillis()), null);
        }
        if (!patient && System.nanoTime() - lastMove > STUCK_NANOS) {
          patient = patience.tryAcquire();
          if (!patient) {
            throw new DatabaseException(what + " hangs and others wait for it already", null);
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DatabaseException("interrupted while waiting for " + what, e);
    } finally {
      if (patient) {
        patience.release();
      }
    }
  }
}
