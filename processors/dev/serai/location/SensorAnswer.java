package dev.serai.location;

import java.util.Objects;
import java.util.Optional;

/**
 * The answer to a {@link SensorQuestion}. That the operator could not be asked is no answer but a
 * refusal.
 *
 * @param operator empty when it was not asked
 * @param msisdn of the SIM that is registered with the device
 * @param endorsement the operator's yes, signed over the nonce of the question
 * @param keys the document of the keys that endorsements are signed with
 */
public record SensorAnswer(
    Standing standing,
    Optional<Word> operator,
    Optional<String> msisdn,
    Optional<SignedWord> endorsement,
    Optional<String> keys) {

  /** What the registry knows of the sensor. */
  public enum Standing {
    /** Registered for this node. */
    BOUND,
    /** Registered, but not for this node, or with another SIM. */
    UNBOUND,
    UNKNOWN
  }

  /** The operator's answer. Only TRUE confirms. */
  public enum Word {
    TRUE,
    FALSE,
    UNKNOWN,
    PARTIAL
  }

  public SensorAnswer {
    Objects.requireNonNull(standing);
    Objects.requireNonNull(operator);
    Objects.requireNonNull(msisdn);
    Objects.requireNonNull(endorsement);
    Objects.requireNonNull(keys);
  }

  /** Without an operator's yes. */
  public SensorAnswer(Standing standing, Optional<Word> operator, Optional<String> msisdn) {
    this(standing, operator, msisdn, Optional.empty(), Optional.empty());
  }

  /** Prints no number. */
  @Override
  public String toString() {
    return "SensorAnswer[%s, operator %s]".formatted(standing, operator);
  }
}
