package dev.serai.appraisal;

import dev.serai.tpm.Bytes;
import java.util.Set;

/** What a policy wants of one PCR. */
public sealed interface PcrRule {

  /** One of these values; a single one is an exact value. */
  record AnyOf(Set<Bytes> values) implements PcrRule {
    public AnyOf {
      values = Set.copyOf(values);
      if (values.isEmpty()) {
        throw new IllegalArgumentException("no value allowed");
      }
    }
  }

  /**
   * The value of the node's first accepted appraisal after enrolment. An explicit choice of the
   * operator: it trusts that the machine was sound then, and shows every later change.
   */
  record RecordedAtEnrolment() implements PcrRule {}
}
