package dev.serai.appraisal;

import dev.serai.location.LocationPolicy;
import dev.serai.reason.Reason;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What a node's state has to be.
 *
 * @param name for people, in verdicts and logs
 * @param location empty: nobody is asked where it is, and nothing is claimed of it
 */
public record AppraisalPolicy(
    String name, PcrPolicy pcrs, ClockPolicy clock, Optional<LocationPolicy> location) {
  public AppraisalPolicy {
    if (name.isBlank()) {
      throw new IllegalArgumentException("a policy has a name");
    }
    Objects.requireNonNull(pcrs);
    Objects.requireNonNull(clock);
    Objects.requireNonNull(location);
  }

  /** Without a word on locations. */
  public AppraisalPolicy(String name, PcrPolicy pcrs, ClockPolicy clock) {
    this(name, pcrs, clock, Optional.empty());
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
