package dev.serai.appraisal;

import dev.serai.reason.Judged;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * An appraisal on its way through route {@code appraise-evidence}. Immutable: each step gives a new
 * one with what it proved, or a closed one with the reason. A closed one passes every later step
 * untouched. The verdict asks that every step has run, so a step left out of the route refuses.
 */
public final class Appraisal implements Judged {

  /** The steps in their order; each needs all before it. */
  enum Step {
    PARSE,
    CHALLENGE,
    NODE,
    CERTIFY,
    CSR,
    QUOTE,
    BASELINE,
    PCRS,
    CLOCK,
    LOCATION
  }

  private final AppraisalRequest request;
  private final int stepsDone;
  private final List<Reason> reasons;
  private final Facts facts;

  /** What the steps found so far; Optional because steps add one by one. */
  record Facts(
      Optional<ClaimedEvidence> claimed,
      Optional<NodeRecord> node,
      Optional<AttestationKey> ak,
      Optional<Trusted.AppKey> appKey,
      Optional<Trusted.QuotedState> state,
      Optional<Baseline> before,
      Optional<AppraisalPolicy> policy,
      Optional<LocationCase> location) {
    static final Facts NONE =
        new Facts(
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty());

    Facts withClaimed(ClaimedEvidence found) {
      return new Facts(Optional.of(found), node, ak, appKey, state, before, policy, location);
    }

    Facts withNode(NodeRecord found, AttestationKey key) {
      return new Facts(
          claimed, Optional.of(found), Optional.of(key), appKey, state, before, policy, location);
    }

    Facts withAppKey(Trusted.AppKey found) {
      return new Facts(claimed, node, ak, Optional.of(found), state, before, policy, location);
    }

    Facts withState(Trusted.QuotedState found) {
      return new Facts(claimed, node, ak, appKey, Optional.of(found), before, policy, location);
    }

    Facts withBaseline(Baseline found) {
      return new Facts(claimed, node, ak, appKey, state, Optional.of(found), policy, location);
    }

    Facts withPolicy(AppraisalPolicy found) {
      return new Facts(claimed, node, ak, appKey, state, before, Optional.of(found), location);
    }

    Facts withLocation(LocationCase found) {
      return new Facts(claimed, node, ak, appKey, state, before, policy, Optional.of(found));
    }
  }

  private Appraisal(AppraisalRequest request, int stepsDone, List<Reason> reasons, Facts facts) {
    this.request = request;
    this.stepsDone = stepsDone;
    this.reasons = reasons;
    this.facts = facts;
  }

  /** Nothing is judged yet. */
  static Appraisal of(AppraisalRequest request) {
    return new Appraisal(request, 0, List.of(), Facts.NONE);
  }

  /** Nothing has refused it so far; for routes: {@code ${body.open}}. */
  public boolean isOpen() {
    return reasons.isEmpty();
  }

  /** The node the evidence claims to be of; empty before it is read. */
  public String nodeId() {
    return facts.claimed().map(ClaimedEvidence::nodeId).orElse("");
  }

  @Override
  public List<Reason> reasons() {
    return reasons;
  }

  AppraisalRequest request() {
    return request;
  }

  ClaimedEvidence claimed() {
    return facts.claimed().orElseThrow();
  }

  NodeRecord node() {
    return facts.node().orElseThrow();
  }

  AttestationKey ak() {
    return facts.ak().orElseThrow();
  }

  Trusted.QuotedState state() {
    return facts.state().orElseThrow();
  }

  Baseline before() {
    return facts.before().orElseThrow();
  }

  AppraisalPolicy policy() {
    return facts.policy().orElseThrow();
  }

  /** What is known so far of where the node is; empty before its step has begun. */
  Optional<LocationCase> location() {
    return facts.location();
  }

  /**
   * Registry or operator have to be asked about the sensor; for routes: {@code ${body.asksSensor}}.
   */
  public boolean isAsksSensor() {
    return isOpen() && facts.location().filter(LocationCase::asks).isPresent();
  }

  /** Found on the way to the end of a step. */
  Appraisal with(LocationCase found) {
    return new Appraisal(request, stepsDone, reasons, facts.withLocation(found));
  }

  Appraisal closed(ReasonCode code, String detail) {
    return closed(List.of(new Reason(code, detail)));
  }

  Appraisal closed(List<Reason> why) {
    return new Appraisal(request, stepsDone, List.copyOf(why), facts);
  }

  /** The step passed and found something; out of order is a fault of the route. */
  Appraisal passed(Step step, Function<Facts, Facts> found) {
    if (stepsDone != step.ordinal()) {
      throw new IllegalStateException(
          "step %s after %d of %d steps".formatted(step, stepsDone, Step.values().length));
    }
    return new Appraisal(request, stepsDone + 1, reasons, found.apply(facts));
  }

  /** The step passed and found nothing to keep. */
  Appraisal passed(Step step) {
    return passed(step, found -> found);
  }

  /** Every step has passed. */
  boolean complete() {
    return isOpen() && stepsDone == Step.values().length;
  }

  /** What the next appraisal compares with; only of a complete one. */
  Baseline after() {
    return before().after(policy().pcrs(), state());
  }

  /** What the steps measured so far, for an answer that shows it. */
  Findings findings() {
    return Findings.of(stepsDone, reasons);
  }

  /** The result. An appraisal that some step never saw is refused by exception. */
  Verdict verdict() {
    if (!isOpen()) {
      return new Rejected(nodeId(), reasons);
    }
    if (!complete()) {
      throw new IllegalStateException(
          "%d of %d steps done".formatted(stepsDone, Step.values().length));
    }
    return new Trusted(
        node().nodeId(),
        node().ek().name(),
        node().ak().name(),
        facts.appKey(),
        facts.location().flatMap(LocationCase::attested),
        state(),
        policy().name(),
        after());
  }
}
