package dev.serai.watching;

import dev.serai.appraisal.Baseline;
import dev.serai.appraisal.Rejected;
import dev.serai.appraisal.Trusted;
import dev.serai.appraisal.Verdict;
import dev.serai.audit.AuditKind;
import dev.serai.breaker.Breaker;
import dev.serai.breaker.Breakers;
import dev.serai.flow.Timeline;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Records what came of a look at a node. Safe for any thread. */
final class WatchSettlement {
  private static final Logger LOG = LoggerFactory.getLogger(WatchSettlement.class);

  private final WatchStore store;
  private final WatchRules rules;
  private final WatchFlight flight;
  private final Breakers breakers;
  private final InstantSource clock;
  private final VerdictCounts counts;
  private final Timeline timeline;

  WatchSettlement(
      WatchStore store,
      WatchRules rules,
      WatchFlight flight,
      Breakers breakers,
      InstantSource clock,
      VerdictCounts counts,
      Timeline timeline) {
    this.store = store;
    this.rules = rules;
    this.flight = flight;
    this.breakers = breakers;
    this.clock = clock;
    this.counts = counts;
    this.timeline = timeline;
  }

  /** A quote was judged. False when the node has attested meanwhile, and that counts instead. */
  boolean judged(WatchTask task, Verdict verdict) {
    Instant now = clock.instant();
    counts.judged(verdict);
    Optional<Baseline> baseline =
        verdict instanceof Trusted trusted ? Optional.of(trusted.baseline()) : Optional.empty();
    return store.settle(
        task,
        breaker(task),
        baseline,
        Optional.of(Verdicts.event(AuditKind.WATCH_VERDICT, verdict)),
        node -> told(node, rules.judged(node, verdict, now)));
  }

  private String breaker(WatchTask task) {
    return breakers
        .find(Breakers.Kind.NODE, task.nodeId())
        .map(found -> found.state())
        .orElse(Breaker.State.CLOSED)
        .name();
  }

  /** A change of state is one line in the log, and one event. */
  private WatchedNode told(WatchedNode before, WatchedNode after) {
    if (before.state() != after.state()) {
      LOG.info(
          "node={} state={} was={} reasons={}",
          after.nodeId(),
          after.state(),
          before.state(),
          after.reasons());
      timeline.record(
          Timeline.Kind.VERDICT, "verifier", after.nodeId(), after.state().name(), after.reasons());
    }
    return after;
  }

  /** There was nothing to judge. */
  boolean unanswered(WatchTask task, Reason reason) {
    Instant now = clock.instant();
    counts.unanswered(reason);
    return store.settle(
        task,
        breaker(task),
        Optional.empty(),
        Optional.empty(),
        node -> told(node, rules.unanswered(node, reason, now)));
  }

  /** The flow was refused. That a node is enrolled no longer is a finding, the rest is not. */
  void refused(WatchTask task, Reason reason) {
    if (reason.code() == ReasonCode.NODE_UNKNOWN) {
      judged(task, new Rejected(task.nodeId(), reason.code(), reason.detail()));
    } else {
      unanswered(task, reason);
    }
  }

  /** The task's place is free again. */
  void end(WatchTask task) {
    flight.end(task.nodeId());
  }
}
