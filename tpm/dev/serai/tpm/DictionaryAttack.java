package dev.serai.tpm;

import java.time.Duration;
import java.util.Optional;

/**
 * How a TPM defends passwords against guessing. Part 1, "Dictionary Attack Protection".
 *
 * @param locked protected keys are refused now
 * @param failures wrong passwords that still count
 * @param most failures that begin a lockout
 * @param recovery after this time one failure counts no more; zero: there is no lockout
 */
public record DictionaryAttack(boolean locked, long failures, long most, Duration recovery) {

  /** The longest time until the lockout ends by itself; empty when there is none. */
  public Optional<Duration> healsWithin() {
    return locked
        ? Optional.of(recovery.multipliedBy(Math.max(1, failures - most + 1)))
        : Optional.empty();
  }
}
