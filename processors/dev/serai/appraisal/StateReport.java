package dev.serai.appraisal;

import dev.serai.reason.Reason;
import java.time.Instant;
import java.util.List;

/** What continuous appraisal found of a node. */
public record StateReport(String nodeId, State state, List<Reason> reasons, Instant at) {

  /** The verifier's view of an attested node. */
  public enum State {
    TRUSTED,
    UNTRUSTED,
    UNREACHABLE
  }

  public StateReport {
    reasons = List.copyOf(reasons);
  }

  /** The report of a verdict. */
  public static StateReport of(Verdict verdict, Instant at) {
    return new StateReport(
        verdict.nodeId(),
        verdict instanceof Trusted ? State.TRUSTED : State.UNTRUSTED,
        verdict.reasons(),
        at);
  }
}
