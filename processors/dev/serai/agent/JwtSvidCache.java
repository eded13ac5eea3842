package dev.serai.agent;

import dev.serai.jwtsvid.ClaimedJwtSvid;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Meters;
import dev.serai.workload.JwtSvidSource;
import dev.serai.workload.WorkloadIdentity;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * JWT-SVIDs of the workloads of this node, in memory only. One is handed out until half of its life
 * has passed; then another one is asked for, by one call however many wait for it. When that does
 * not come because nobody answers, the old one serves until it ends. Tokens with an id are neither
 * kept nor shared. May be used from any thread; never blocks.
 */
final class JwtSvidCache implements JwtSvidSource {
  /** Some 2 MB. */
  static final int MOST = 1000;

  /** So that no workload that invents audiences drives out the tokens of all others. */
  static final int MOST_OF_ENTRY = 100;

  /** Questions under way. */
  static final int MOST_QUESTIONS = 256;

  static final int MOST_QUESTIONS_OF_ENTRY = 16;

  /** How long an issuer is waited for while there is still a good token. */
  private static final Duration REFRESH_PATIENCE = Duration.ofSeconds(2);

  private final Issuance issuance;
  private final Duration patience;
  private final InstantSource clock;
  private final Counter kept;
  private final Counter issued;
  private final Counter old;
  // Guarded by this.
  private final Map<Key, Held> held = new LinkedHashMap<>(16, 0.75f, true);
  private final Map<Key, CompletableFuture<ClaimedJwtSvid>> questions = new HashMap<>();
  private long epoch;

  /** Asks the issuer. */
  interface Issuance {
    /** The future ends with a RefusalException when there is none. Must not block. */
    CompletableFuture<ClaimedJwtSvid> issue(
        WorkloadIdentity identity, Set<String> audience, Duration patience);
  }

  /** once: an object of its own for a token that nobody else may get. */
  private record Key(
      WorkloadIdentity.Entry entry, String spiffeId, Set<String> audience, Object once) {
    private static final Object SHARED = "shared";

    static Key of(WorkloadIdentity identity, Set<String> audience) {
      Object once = identity.entry().tokensOnce() ? new Object() : SHARED;
      return new Key(identity.entry(), identity.id().toString(), Set.copyOf(audience), once);
    }

    /** Of this entry, in whatever version. */
    boolean isOf(WorkloadIdentity.Entry other) {
      return entry.id().equals(other.id());
    }
  }

  private record Held(ClaimedJwtSvid svid, Instant receivedAt) {
    boolean good(Instant now) {
      return now.isBefore(svid.expiresAt());
    }

    /** A clock that shows an earlier time was set back since. */
    boolean fresh(Instant now) {
      Instant half = receivedAt.plus(Duration.between(receivedAt, svid.expiresAt()).dividedBy(2));
      return now.isBefore(half) && !now.isBefore(receivedAt);
    }
  }

  JwtSvidCache(Issuance issuance, Duration patience, InstantSource clock, MeterRegistry meters) {
    this.issuance = issuance;
    this.patience = patience;
    this.clock = clock;
    this.kept = counter(meters, "cache");
    this.issued = counter(meters, "issuer");
    this.old = counter(meters, "cache-issuer-away");
    Gauge.builder("serai.workload.jwt.held", this, JwtSvidCache::size)
        .description("JWT-SVIDs kept for workloads that ask again")
        .register(meters);
  }

  private static Counter counter(MeterRegistry meters, String source) {
    return Meters.counter(
        meters,
        "serai.workload.jwt.svids",
        "JWT-SVIDs handed to workloads, by where they came from",
        "source",
        source);
  }

  @Override
  public CompletableFuture<ClaimedJwtSvid> fetch(WorkloadIdentity identity, Set<String> audience) {
    Key key = Key.of(identity, audience);
    CompletableFuture<ClaimedJwtSvid> question;
    Held before;
    long begun;
    synchronized (this) {
      Instant now = clock.instant();
      Held known = held.get(key);
      before = known != null && known.good(now) ? known : null;
      if (before != null && before.fresh(now)) {
        kept.increment();
        return CompletableFuture.completedFuture(before.svid());
      }
      question = questions.get(key);
      if (question != null) {
        return handedOut(question, before);
      }
      if (!mayAsk(key)) {
        return handedOut(
            CompletableFuture.failedFuture(
                new RefusalException(
                    ReasonCode.OVERLOADED, "too many JWT-SVIDs are being asked for")),
            before);
      }
      question = new CompletableFuture<>();
      questions.put(key, question);
      begun = epoch;
    }
    CompletableFuture<ClaimedJwtSvid> asked = question;
    Duration most = before == null ? patience : shorter(REFRESH_PATIENCE, patience);
    var unused =
        ask(identity, audience, most)
            .whenComplete((svid, failure) -> answered(key, begun, asked, svid, failure));
    return handedOut(asked, before);
  }

  /** What is asked for is answered, also when asking fails: nobody could ask for it again. */
  private CompletableFuture<ClaimedJwtSvid> ask(
      WorkloadIdentity identity, Set<String> audience, Duration most) {
    try {
      return issuance.issue(identity, audience, most);
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private boolean mayAsk(Key key) {
    return questions.size() < MOST_QUESTIONS
        && questions.keySet().stream().filter(other -> other.isOf(key.entry())).count()
            < MOST_QUESTIONS_OF_ENTRY;
  }

  private void answered(
      Key key,
      long begun,
      CompletableFuture<ClaimedJwtSvid> question,
      ClaimedJwtSvid svid,
      Throwable failure) {
    synchronized (this) {
      questions.remove(key, question);
      if (failure == null && begun == epoch && !key.entry().tokensOnce()) {
        keep(key, svid);
      } else if (failure != null && !passes(failure)) {
        held.keySet().removeIf(other -> other.isOf(key.entry()));
      }
    }
    if (failure == null) {
      question.complete(svid);
    } else {
      question.completeExceptionally(cause(failure));
    }
  }

  private void keep(Key key, ClaimedJwtSvid svid) {
    Instant now = clock.instant();
    held.put(key, new Held(svid, now));
    held.values().removeIf(one -> !one.good(now));
    long ofEntry = held.keySet().stream().filter(other -> other.isOf(key.entry())).count();
    Iterator<Key> eldest = held.keySet().iterator();
    while (ofEntry > MOST_OF_ENTRY && eldest.hasNext()) {
      if (eldest.next().isOf(key.entry())) {
        eldest.remove();
        ofEntry--;
      }
    }
    eldest = held.keySet().iterator();
    while (held.size() > MOST) {
      eldest.next();
      eldest.remove();
    }
  }

  private CompletableFuture<ClaimedJwtSvid> handedOut(
      CompletableFuture<ClaimedJwtSvid> question, Held before) {
    return question.handle(
        (svid, failure) -> {
          if (failure == null) {
            issued.increment();
            return svid;
          }
          if (before != null && passes(failure) && before.good(clock.instant())) {
            old.increment();
            return before.svid();
          }
          throw told(cause(failure));
        });
  }

  /** Nobody said no: it is a fault that goes away. */
  private static boolean passes(Throwable failure) {
    return !(cause(failure) instanceof RefusalException refusal)
        || !AgentLifecycle.isDenial(refusal.reason().code());
  }

  /**
   * Whoever says no is heard, and whoever is away is named. All else is a token that there is not
   * now, for a workload cannot mend it.
   */
  private static RefusalException told(Throwable failure) {
    if (failure instanceof RefusalException refusal) {
      Reason reason = refusal.reason();
      return switch (reason.code().kind()) {
        case DENIED, UNAVAILABLE, OVERLOADED -> refusal;
        default -> new RefusalException(ReasonCode.JWT_SVID_NOT_ISSUED, reason.toString(), failure);
      };
    }
    return new RefusalException(
        ReasonCode.JWT_SVID_NOT_ISSUED, "the issuer could not be asked", failure);
  }

  private static Throwable cause(Throwable failure) {
    return failure instanceof CompletionException && failure.getCause() != null
        ? failure.getCause()
        : failure;
  }

  private static Duration shorter(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }

  /** The node was refused: nothing that it holds may be handed out, and nothing under way kept. */
  synchronized void drop() {
    epoch++;
    held.clear();
  }

  /** Forgets the tokens of all other entries, and of other versions of these. */
  synchronized void retain(Set<WorkloadIdentity.Entry> entries) {
    held.keySet().removeIf(key -> !entries.contains(key.entry()));
  }

  synchronized int size() {
    return held.size();
  }
}
