package dev.serai.agent;

import dev.serai.reason.Kind;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * The life of the agent as values: what is reached, what failed and when it is tried again. Every
 * change is {@link #on}; what to do now is {@link #next}; what to show is {@link #state}. It has no
 * end state.
 */
public final class AgentLifecycle {
  /** A refusal this long after the last proof is a new story, not a loop. */
  private static final Duration LOOP_WINDOW = Duration.ofMinutes(1);

  /**
   * A node that has just proven itself and is refused may soon be right again, and nobody can tell
   * it: it is not made to wait as long as one that was judged and denied again and again.
   */
  private static final int MOST_DENIALS_AFTER_PROOF = 3;

  /** Nobody else is asked when a TPM is opened: it is found soon after it was mended. */
  private static final Duration LONGEST_WAIT_FOR_TPM = Duration.ofSeconds(10);

  private final Pace pace;
  private final Progress progress;
  private final Map<AgentAction, Retry> retries;
  private final Optional<SvidFacts> svid;
  private final Instant obtainedAt;
  private final Instant renewAt;
  private final Instant lastProof;
  private final int refusals;

  private AgentLifecycle(
      Pace pace,
      Progress progress,
      Map<AgentAction, Retry> retries,
      Optional<SvidFacts> svid,
      Instant obtainedAt,
      Instant renewAt,
      Instant lastProof,
      int refusals) {
    this.pace = pace;
    this.progress = progress;
    this.retries = Map.copyOf(retries);
    this.svid = svid;
    this.obtainedAt = obtainedAt;
    this.renewAt = renewAt;
    this.lastProof = lastProof;
    this.refusals = refusals;
  }

  /** The first moment of an agent. */
  public static AgentLifecycle start(Pace pace) {
    return new AgentLifecycle(
        pace,
        Progress.NO_TPM,
        Map.of(),
        Optional.empty(),
        Instant.MIN,
        Instant.MAX,
        Instant.EPOCH,
        0);
  }

  /** How fast failed steps are tried again. */
  public record Pace(Backoff transientFault, Backoff denial) {}

  /** What is reached, in order. */
  private enum Progress {
    NO_TPM(AgentAction.OPEN_TPM),
    NOT_ENROLLED(AgentAction.ENROL),
    NO_APP_KEY(AgentAction.PREPARE_APP_KEY),
    NOT_ATTESTED(AgentAction.ATTEST),
    ATTESTED(AgentAction.RENEW);

    private final AgentAction action;

    Progress(AgentAction action) {
      this.action = action;
    }
  }

  /** since: when it failed. A clock that shows an earlier time was set back meanwhile. */
  private record Retry(int failures, Reason last, boolean denied, Instant since, Instant next) {
    boolean due(Instant now) {
      return !now.isBefore(next) || now.isBefore(since);
    }
  }

  /** The agent's own SVID, while it may be used. */
  public Optional<SvidFacts> svid() {
    return svid;
  }

  /** Whether the agent may act with its SVID. */
  public boolean attested(Instant now) {
    return progress == Progress.ATTESTED && svid.isPresent() && !svid.get().expired(now);
  }

  /** What is due now. */
  public AgentAction next(Instant now) {
    AgentAction action = progress.action;
    boolean setBack = now.isBefore(obtainedAt);
    if (progress == Progress.ATTESTED && now.isBefore(renewAt) && !setBack) {
      return AgentAction.REST;
    }
    Retry retry = retries.get(action);
    return retry == null || retry.due(now) ? action : AgentAction.REST;
  }

  /** What to show. */
  public AgentState state(Instant now) {
    return switch (progress) {
      case NO_TPM -> {
        Retry retry = retries.get(AgentAction.OPEN_TPM);
        yield retry == null
            ? new AgentState.Starting()
            : new AgentState.TpmUnavailable(retry.last, retry.next);
      }
      case NOT_ENROLLED -> {
        Retry retry = retries.get(AgentAction.ENROL);
        yield retry == null ? new AgentState.Unregistered() : shown(retry);
      }
      case NO_APP_KEY ->
          held(AgentAction.PREPARE_APP_KEY)
              .or(() -> held(AgentAction.ATTEST))
              .orElseGet(() -> working(now, "preparing the App Key"));
      case NOT_ATTESTED ->
          held(AgentAction.ATTEST).orElseGet(() -> working(now, "attesting to the issuer"));
      case ATTESTED -> new AgentState.Attested(svid.orElseThrow());
    };
  }

  private Optional<AgentState> held(AgentAction action) {
    return Optional.ofNullable(retries.get(action)).map(AgentLifecycle::shown);
  }

  private static AgentState shown(Retry retry) {
    return retry.denied
        ? new AgentState.Denied(retry.last, retry.next)
        : new AgentState.Waiting(retry.last, retry.next);
  }

  private static AgentState working(Instant now, String what) {
    return new AgentState.Waiting(new Reason(ReasonCode.AGENT_NOT_READY, what), now);
  }

  /**
   * The life after something happened.
   *
   * @param random from 0 (inclusive) to 1, for jitter
   */
  public AgentLifecycle on(AgentEvent event, Instant now, double random) {
    if (event instanceof AgentEvent.TpmOpened opened) {
      return progress == Progress.NO_TPM
          ? with(opened.enrolled() ? Progress.NO_APP_KEY : Progress.NOT_ENROLLED, retries)
          : this;
    }
    if (event instanceof AgentEvent.Enrolled) {
      return progress == Progress.NOT_ENROLLED
          ? with(Progress.NO_APP_KEY, without(AgentAction.ENROL))
          : this;
    }
    if (event instanceof AgentEvent.AppKeyReady ready) {
      if (progress != Progress.NO_APP_KEY) {
        return this;
      }
      AgentLifecycle prepared = with(Progress.NOT_ATTESTED, without(AgentAction.PREPARE_APP_KEY));
      return ready
          .stored()
          .filter(stored -> !stored.expired(now))
          .map(stored -> prepared.attestedWith(stored, lastProof, now, random))
          .orElse(prepared);
    }
    if (event instanceof AgentEvent.SvidIssued issued) {
      return attestedWith(issued.svid(), now, now, random);
    }
    if (event instanceof AgentEvent.ActionFailed failed) {
      return failed(failed.action(), failed.reason(), now, random);
    }
    if (event instanceof AgentEvent.NodeRefused refused) {
      return refused(refused.reason(), now, random);
    }
    if (event instanceof AgentEvent.TpmLost lost) {
      return progress == Progress.NO_TPM ? this : tpmLost(lost.reason(), now, random);
    }
    return this;
  }

  /** The life at this time: an SVID ends by itself. */
  public AgentLifecycle at(Instant now) {
    if (progress == Progress.ATTESTED && svid.orElseThrow().expired(now)) {
      Map<AgentAction, Retry> kept = copy();
      Retry renewal = kept.remove(AgentAction.RENEW);
      if (renewal != null) {
        kept.put(AgentAction.ATTEST, renewal);
      }
      return new AgentLifecycle(
          pace,
          Progress.NOT_ATTESTED,
          kept,
          Optional.empty(),
          Instant.MIN,
          Instant.MAX,
          lastProof,
          refusals);
    }
    return this;
  }

  private AgentLifecycle attestedWith(SvidFacts facts, Instant proof, Instant now, double random) {
    return new AgentLifecycle(
        pace,
        Progress.ATTESTED,
        Map.of(),
        Optional.of(facts),
        now,
        facts.renewAt(now, random),
        proof,
        refusals);
  }

  private AgentLifecycle failed(AgentAction action, Reason reason, Instant now, double random) {
    if (action == AgentAction.REST) {
      return this;
    }
    if (action != AgentAction.OPEN_TPM && isTpmTrouble(reason.code())) {
      return tpmLost(reason, now, random);
    }
    boolean proving = action == AgentAction.ATTEST || action == AgentAction.RENEW;
    if (proving && isEnrolmentLost(reason.code())) {
      return new AgentLifecycle(
          pace,
          Progress.NOT_ENROLLED,
          failing(AgentAction.ATTEST, reason, false, now, random),
          Optional.empty(),
          Instant.MIN,
          Instant.MAX,
          lastProof,
          refusals);
    }
    boolean denied = action != AgentAction.OPEN_TPM && isDenial(reason.code());
    if (proving && denied) {
      return new AgentLifecycle(
          pace,
          Progress.NOT_ATTESTED,
          failing(AgentAction.ATTEST, reason, true, now, random),
          Optional.empty(),
          Instant.MIN,
          Instant.MAX,
          lastProof,
          refusals);
    }
    return with(progress, failing(action, reason, denied, now, random));
  }

  private AgentLifecycle refused(Reason reason, Instant now, double random) {
    boolean reattest = isCuredByAttesting(reason.code());
    int inARow = lastProof.isAfter(now.minus(LOOP_WINDOW)) ? refusals + 1 : 1;
    Instant next;
    if (!reattest) {
      next = now.plus(pace.denial.after(Math.min(inARow, MOST_DENIALS_AFTER_PROOF), random));
    } else if (inARow == 1) {
      next = now;
    } else {
      next = now.plus(pace.transientFault.after(inARow - 1, random));
    }
    Map<AgentAction, Retry> changed = without(AgentAction.RENEW);
    changed.put(AgentAction.ATTEST, new Retry(inARow, reason, !reattest, now, next));
    Progress reached = progress == Progress.ATTESTED ? Progress.NOT_ATTESTED : progress;
    return new AgentLifecycle(
        pace, reached, changed, Optional.empty(), Instant.MIN, Instant.MAX, lastProof, inARow);
  }

  private AgentLifecycle tpmLost(Reason reason, Instant now, double random) {
    return new AgentLifecycle(
        pace,
        Progress.NO_TPM,
        failing(AgentAction.OPEN_TPM, reason, false, now, random),
        svid,
        obtainedAt,
        renewAt,
        lastProof,
        refusals);
  }

  private Map<AgentAction, Retry> failing(
      AgentAction action, Reason reason, boolean denied, Instant now, double random) {
    Map<AgentAction, Retry> changed = copy();
    Retry before = changed.get(action);
    int failures =
        before == null || before.denied != denied ? 1 : Math.min(before.failures + 1, 1_000_000);
    Duration delay = (denied ? pace.denial : pace.transientFault).after(failures, random);
    if (action == AgentAction.OPEN_TPM && delay.compareTo(LONGEST_WAIT_FOR_TPM) > 0) {
      delay = LONGEST_WAIT_FOR_TPM;
    }
    changed.put(action, new Retry(failures, reason, denied, now, now.plus(delay)));
    return changed;
  }

  private AgentLifecycle with(Progress reached, Map<AgentAction, Retry> changed) {
    return new AgentLifecycle(
        pace, reached, changed, svid, obtainedAt, renewAt, lastProof, refusals);
  }

  private Map<AgentAction, Retry> without(AgentAction action) {
    Map<AgentAction, Retry> changed = copy();
    changed.remove(action);
    return changed;
  }

  private Map<AgentAction, Retry> copy() {
    Map<AgentAction, Retry> changed = new EnumMap<>(AgentAction.class);
    changed.putAll(retries);
    return changed;
  }

  /** Trouble of this machine's TPM, cured by opening it again. */
  static boolean isTpmTrouble(ReasonCode code) {
    return code.name().startsWith("TPM_");
  }

  /** The registrar has no good record of this node: enrol again. */
  private static boolean isEnrolmentLost(ReasonCode code) {
    return code == ReasonCode.NODE_UNKNOWN || code == ReasonCode.NODE_NOT_ACTIVATED;
  }

  /** The node may attest again at once; nobody judged it. */
  static boolean isCuredByAttesting(ReasonCode code) {
    return switch (code) {
      case NODE_NOT_ATTESTED, NODE_NOT_ACTIVE, NODE_EXPIRED, NODE_MUST_REATTEST, NODE_REBOOTED ->
          true;
      default -> false;
    };
  }

  /** Somebody judged and said no; all else is a fault that passes. */
  static boolean isDenial(ReasonCode code) {
    Kind kind = code.kind();
    return switch (kind) {
      case UNAVAILABLE, DEADLINE, OVERLOADED, INTERNAL -> false;
      default -> !isCuredByAttesting(code) && code != ReasonCode.CONFIGURATION_INVALID;
    };
  }

  @Override
  public String toString() {
    return progress + " " + retries;
  }
}
