package dev.serai.camara;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * The operator's answers, kept by device and area for a while, and one question at a time for each.
 * UNKNOWN is not kept. Bounded: the answer not used for longest goes first. Safe for any thread.
 */
final class KeptAnswers {
  private static final int MOST = 10_000;
  private static final double PARTS_OF_A_DEGREE = 10_000; // some 11 m

  private final Duration life;
  private final InstantSource clock;

  // Guarded by this.
  private final Map<Key, OperatorAnswer> kept =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, OperatorAnswer> eldest) {
          return size() > MOST;
        }
      };
  private final Map<Key, CompletableFuture<OperatorAnswer>> flights = new HashMap<>();

  KeptAnswers(Duration life, InstantSource clock) {
    this.life = life;
    this.clock = clock;
  }

  private record Key(String msisdn, long latitude, long longitude, long radius) {
    static Key of(OperatorQuestion question) {
      Area area = question.area();
      return new Key(
          question.msisdn(),
          Math.round(area.latitude() * PARTS_OF_A_DEGREE),
          Math.round(area.longitude() * PARTS_OF_A_DEGREE),
          (long) Math.ceil(area.radius()));
    }
  }

  /** A flight and whether it was under way. */
  record Joined(CompletableFuture<OperatorAnswer> answer, boolean underWay) {}

  /** What is kept, unless the question wants a fresh answer. */
  synchronized Optional<OperatorAnswer> find(OperatorQuestion question) {
    if (question.fresh()) {
      return Optional.empty();
    }
    Key key = Key.of(question);
    OperatorAnswer answer = kept.get(key);
    if (answer == null) {
      return Optional.empty();
    }
    Instant now = clock.instant();
    if (now.isBefore(answer.at()) || !now.isBefore(answer.at().plus(life))) {
      kept.remove(key); // also one from a time that the clock was set back from
      return Optional.empty();
    }
    if (question.maxAge().filter(most -> !now.isBefore(answer.at().plus(most))).isPresent()) {
      return Optional.empty(); // for others it is young enough
    }
    return Optional.of(answer.asKept());
  }

  /** Asks, or joins who asks the same just now. */
  Joined ask(OperatorQuestion question, Supplier<CompletableFuture<OperatorAnswer>> asking) {
    Key key = Key.of(question);
    CompletableFuture<OperatorAnswer> flight = new CompletableFuture<>();
    synchronized (this) {
      CompletableFuture<OperatorAnswer> other = flights.get(key);
      if (other != null) {
        return new Joined(other, true);
      }
      flights.put(key, flight);
    }
    CompletableFuture<OperatorAnswer> asked;
    try {
      asked = asking.get();
    } catch (RuntimeException e) {
      asked = CompletableFuture.failedFuture(e);
    }
    var unused =
        asked.whenComplete(
            (answer, failure) -> {
              landed(key, answer, failure);
              if (failure == null) {
                flight.complete(answer);
              } else {
                flight.completeExceptionally(failure);
              }
            });
    return new Joined(flight, false);
  }

  private synchronized void landed(Key key, OperatorAnswer answer, Throwable failure) {
    flights.remove(key);
    if (answer == null) {
      if (OperatorFailures.isNoLongerAnswered(failure)) {
        kept.remove(key);
      }
      return;
    }
    if (life.isZero()) {
      return;
    }
    if (answer.verdict().result() == OperatorVerdict.Result.UNKNOWN) {
      kept.remove(key);
    } else {
      kept.put(key, answer);
    }
  }
}
