package dev.serai.appraisal;

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
}
