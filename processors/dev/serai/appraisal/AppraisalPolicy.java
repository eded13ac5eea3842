package dev.serai.appraisal;

import dev.serai.reason.Reason;
import java.util.List;
import java.util.Objects;

/**
 * What a node's state has to be.
 *
 * @param name for people, in verdicts and logs
 */
public record AppraisalPolicy(String name, PcrPolicy pcrs, ClockPolicy clock) {
  public AppraisalPolicy {
    if (name.isBlank()) {
      throw new IllegalArgumentException("a policy has a name");
    }
    Objects.requireNonNull(pcrs);
    Objects.requireNonNull(clock);
  }

  /**
   * Every way in which a proven state does not meet the policy: all PCRs, then, if these are well,
   * the clock.
   *
   * @param before what the last accepted appraisal left
   * @param attesting the node is attesting now, so that a reboot is what it answers for
   */
  public List<Reason> violations(Trusted.QuotedState state, Baseline before, boolean attesting) {
    List<Reason> violations = pcrs.violations(state.pcrs(), before);
    return violations.isEmpty()
        ? clock.violation(state.clock(), before.clock(), attesting).stream().toList()
        : violations;
  }
}
