package dev.serai.breaker;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * One circuit breaker. A few questions in a row without an answer open it; after a while one
 * question is let through, and its outcome closes it or keeps it open. A question whose outcome is
 * never reported holds it up no longer than it stays open. Safe for any thread; never blocks.
 */
public final class Breaker {
  /** From good to bad. */
  public enum State {
    /** Questions pass. */
    CLOSED,
    /** One question is under way to see whether there is an answer again. */
    HALF_OPEN,
    /** Nobody is asked. */
    OPEN
  }

  private final Breakers.Kind kind;
  private final String name;
  private final int limit;
  private final Duration open;
  private final InstantSource clock;
  private final Consumer<BreakerState> listener;
  // Guarded by this.
  private State state = State.CLOSED;
  private Instant since;
  private Instant nextTry = Instant.MIN;
  private int failures;
  private String trouble = "";

  /**
   * @param limit failures in a row that open it
   * @param open how long nobody is asked
   * @param listener told of each change of state, while nobody else can change it
   */
  Breaker(
      Breakers.Kind kind,
      String name,
      int limit,
      Duration open,
      InstantSource clock,
      Consumer<BreakerState> listener) {
    this.listener = listener;
    this.kind = kind;
    this.name = name;
    this.limit = limit;
    this.open = open;
    this.clock = clock;
    this.since = clock.instant();
  }

  /** Whether to ask now. Who gets a yes reports what came of it, with one of the three below. */
  public synchronized boolean tryAcquire() {
    if (state == State.CLOSED) {
      return true;
    }
    Instant now = clock.instant();
    if (now.isBefore(nextTry)) {
      return false;
    }
    nextTry = now.plus(open); // were this question lost, the next one goes then
    become(State.HALF_OPEN, now);
    return true;
  }

  /** There was an answer, whatever it said. */
  public synchronized void succeeded() {
    failures = 0;
    trouble = "";
    become(State.CLOSED, clock.instant());
  }

  /** There was none, or one that says "not now". */
  public synchronized void failed(String why) {
    failures = Math.min(failures + 1, 1_000_000);
    trouble = why;
    if (state == State.HALF_OPEN || (state == State.CLOSED && failures >= limit)) {
      Instant now = clock.instant();
      nextTry = now.plus(open);
      become(State.OPEN, now);
    }
  }

  /** The question says nothing about the other side: its caller had no time left. */
  public synchronized void released() {
    if (state == State.HALF_OPEN) {
      nextTry = clock.instant();
      become(State.OPEN, nextTry);
    }
  }

  private void become(State next, Instant now) {
    if (state != next) {
      state = next;
      since = now;
      listener.accept(state());
    }
  }

  /** When somebody is asked again; empty while everybody is. */
  public synchronized Optional<Instant> nextTry() {
    return state == State.CLOSED ? Optional.empty() : Optional.of(nextTry);
  }

  public synchronized BreakerState state() {
    return new BreakerState(kind, name, state, since, failures, nextTry(), trouble);
  }

  synchronized State now() {
    return state;
  }
}
