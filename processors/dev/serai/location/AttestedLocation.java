package dev.serai.location;

import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * A location that was judged and met its rule.
 *
 * @param region of the rule; empty where the rule names none
 * @param validUntil no claim of it lives longer
 */
public record AttestedLocation(
    LocationReading reading,
    Optional<String> region,
    Assurance assurance,
    Instant validUntil,
    Optional<SignedWord> endorsement) {
  public AttestedLocation {
    Objects.requireNonNull(reading);
    Objects.requireNonNull(region);
    Objects.requireNonNull(assurance);
    Objects.requireNonNull(validUntil);
    Objects.requireNonNull(endorsement);
  }

  public boolean isValid(Instant now) {
    return now.isBefore(validUntil);
  }

  /** Where its sensor says it is; without that where the operator says so. */
  public Optional<LocationReading.Position> position() {
    return reading.position().or(() -> endorsement.flatMap(SignedWord::area));
  }

  /** Without ids and without the place. */
  @Override
  public String toString() {
    return "AttestedLocation[%s, %s, until %s]"
        .formatted(region.orElse("no region"), assurance.word(), validUntil);
  }
}
