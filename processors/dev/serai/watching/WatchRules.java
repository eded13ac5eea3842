package dev.serai.watching;

import dev.serai.appraisal.Rejected;
import dev.serai.appraisal.StateReport;
import dev.serai.appraisal.StateReport.State;
import dev.serai.appraisal.Trusted;
import dev.serai.appraisal.Verdict;
import dev.serai.breaker.Breaker;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.DoubleSupplier;

/** How a node's state follows from what was found. Pure: the same in, the same out. */
final class WatchRules {
  private static final double JITTER = 0.1;

  private volatile WatchSettings settings;
  private final DoubleSupplier random;

  /**
   * @param random from 0 to 1; spreads questions so that nodes do not answer in step
   */
  WatchRules(WatchSettings settings, DoubleSupplier random) {
    this.settings = settings;
    this.random = random;
  }

  /** From the next judgement of each node on. */
  void use(WatchSettings fresh) {
    settings = fresh;
  }

  /** How long an accepted appraisal proves a node that cannot be asked any more. */
  Duration grace() {
    return settings.grace();
  }

  /** No node waits longer for its next question. */
  Duration longestWait() {
    return settings.longestWait();
  }

  /** How long nobody else looks at a node that is being looked at. */
  Duration lease() {
    return settings.lease();
  }

  /** A node that has just attested; the issuer knows, for it asked. */
  WatchedNode attested(Trusted trusted, Optional<WatchedNode> before, Instant now) {
    return new WatchedNode(
        trusted.nodeId(),
        State.TRUSTED,
        List.of(),
        now,
        now,
        pcrs(trusted),
        0,
        before.map(WatchedNode::breaker).orElse(Breaker.State.CLOSED.name()),
        now.plus(spread(settings.interval())),
        before.map(WatchedNode::generation).orElse(0L) + 1,
        false,
        State.TRUSTED,
        Optional.empty(),
        before.map(WatchedNode::reportNumber).orElse(0L) + 1);
  }

  /** A quote was judged. */
  WatchedNode judged(WatchedNode node, Verdict verdict, Instant now) {
    Instant due = now.plus(spread(settings.interval()));
    if (verdict instanceof Trusted trusted) {
      return moved(node, State.TRUSTED, List.of(), now, 0, due, now, pcrs(trusted), false);
    }
    Rejected rejected = (Rejected) verdict;
    boolean gone = rejected.first().code() == ReasonCode.NODE_UNKNOWN;
    return moved(
        node,
        State.UNTRUSTED,
        rejected.reasons(),
        now,
        0,
        due,
        node.provenAt(),
        node.provenPcrs(),
        gone);
  }

  /**
   * Nothing could be judged. What was proven stays proven until the grace is over; what was
   * rejected stays rejected.
   */
  WatchedNode unanswered(WatchedNode node, Reason reason, Instant now) {
    boolean untrusted = node.state() == State.UNTRUSTED;
    int failures = node.failures() + 1;
    WatchedNode later =
        moved(
            node,
            untrusted ? State.UNTRUSTED : State.UNREACHABLE,
            untrusted ? node.reasons() : List.of(reason),
            now,
            failures,
            now.plus(spread(backOff(failures))),
            node.provenAt(),
            node.provenPcrs(),
            false);
    return runOut(later, now).orElse(later);
  }

  /** The proof has run out: from now on the issuer refuses the node too. Empty when it has not. */
  Optional<WatchedNode> runOut(WatchedNode node, Instant now) {
    boolean proven = now.isBefore(node.provenAt().plus(settings.grace()));
    if (proven || node.state() == State.UNTRUSTED || node.reported() != State.TRUSTED) {
      return Optional.empty();
    }
    List<Reason> reasons =
        node.reasons().isEmpty()
            ? List.of(
                new Reason(ReasonCode.AGENT_UNREACHABLE, "not proven since " + node.provenAt()))
            : node.reasons();
    return Optional.of(
        reporting(
            with(
                node,
                State.UNREACHABLE,
                reasons,
                node.state() == State.UNREACHABLE ? node.stateAt() : now),
            now));
  }

  private WatchedNode moved(
      WatchedNode node,
      State state,
      List<Reason> reasons,
      Instant now,
      int failures,
      Instant due,
      Instant provenAt,
      Map<String, String> pcrs,
      boolean gone) {
    WatchedNode moved =
        new WatchedNode(
            node.nodeId(),
            state,
            reasons,
            state == node.state() ? node.stateAt() : now,
            provenAt,
            pcrs,
            failures,
            node.breaker(),
            due,
            node.generation(),
            gone,
            node.reported(),
            node.report(),
            node.reportNumber());
    boolean news =
        switch (state) {
          case TRUSTED -> node.reported() != State.TRUSTED;
          case UNTRUSTED ->
              node.reported() != State.UNTRUSTED || !codes(node.reasons()).equals(codes(reasons));
          case UNREACHABLE -> false; // only once the proof has run out
        };
    return news ? reporting(moved, now) : moved;
  }

  private static List<ReasonCode> codes(List<Reason> reasons) {
    return reasons.stream().map(Reason::code).toList();
  }

  private static WatchedNode with(
      WatchedNode node, State state, List<Reason> reasons, Instant stateAt) {
    return new WatchedNode(
        node.nodeId(),
        state,
        reasons,
        stateAt,
        node.provenAt(),
        node.provenPcrs(),
        node.failures(),
        node.breaker(),
        node.dueAt(),
        node.generation(),
        node.gone(),
        node.reported(),
        node.report(),
        node.reportNumber());
  }

  private static WatchedNode reporting(WatchedNode node, Instant now) {
    return new WatchedNode(
        node.nodeId(),
        node.state(),
        node.reasons(),
        node.stateAt(),
        node.provenAt(),
        node.provenPcrs(),
        node.failures(),
        node.breaker(),
        node.dueAt(),
        node.generation(),
        node.gone(),
        node.state(),
        Optional.of(new StateReport(node.nodeId(), node.state(), node.reasons(), now)),
        node.reportNumber() + 1);
  }

  /** Doubles with each failure, from the interval to the longest. */
  private Duration backOff(int failures) {
    Duration wait = settings.interval();
    for (int i = 1; i < failures && wait.compareTo(settings.longestBackOff()) < 0; i++) {
      wait = wait.multipliedBy(2);
    }
    return wait.compareTo(settings.longestBackOff()) > 0 ? settings.longestBackOff() : wait;
  }

  private Duration spread(Duration wait) {
    double factor = 1 - JITTER + 2 * JITTER * random.getAsDouble();
    return Duration.ofMillis(Math.max(1, (long) (wait.toMillis() * factor)));
  }

  private static Map<String, String> pcrs(Trusted trusted) {
    Map<String, String> flat = new TreeMap<>();
    for (Map.Entry<TpmHash, SortedMap<Integer, Bytes>> bank : trusted.state().pcrs().entrySet()) {
      bank.getValue()
          .forEach(
              (index, value) -> flat.put(bank.getKey().bankName() + ":" + index, value.toHex()));
    }
    return flat;
  }
}
