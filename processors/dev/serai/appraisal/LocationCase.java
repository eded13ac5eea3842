package dev.serai.appraisal;

import dev.serai.location.AttestedLocation;
import dev.serai.location.LocationJudge;
import dev.serai.location.LocationReading;
import dev.serai.location.LocationRule;
import dev.serai.location.SensorAnswer;
import dev.serai.location.SensorQuestion;
import java.util.Objects;
import java.util.Optional;

/**
 * The question where a node is, on its way through route {@code locate-node}.
 *
 * @param reading empty when the outcome needs none
 * @param question for registry and operator
 * @param answer theirs
 * @param outcome empty while it is open
 */
record LocationCase(
    LocationRule rule,
    Optional<LocationReading> reading,
    Optional<SensorQuestion> question,
    Optional<SensorAnswer> answer,
    Optional<LocationJudge.Outcome> outcome) {
  LocationCase {
    Objects.requireNonNull(rule);
    Objects.requireNonNull(reading);
    Objects.requireNonNull(question);
    Objects.requireNonNull(answer);
    Objects.requireNonNull(outcome);
  }

  static LocationCase decided(LocationRule rule, LocationJudge.Outcome outcome) {
    return new LocationCase(
        rule, Optional.empty(), Optional.empty(), Optional.empty(), Optional.of(outcome));
  }

  static LocationCase open(
      LocationRule rule, LocationReading reading, Optional<SensorQuestion> question) {
    return new LocationCase(
        rule, Optional.of(reading), question, Optional.empty(), Optional.empty());
  }

  LocationCase withAnswer(SensorAnswer given) {
    return new LocationCase(rule, reading, question, Optional.of(given), outcome);
  }

  LocationCase withOutcome(LocationJudge.Outcome found) {
    return new LocationCase(rule, reading, question, answer, Optional.of(found));
  }

  boolean asks() {
    return outcome.isEmpty() && question.isPresent() && answer.isEmpty();
  }

  Optional<AttestedLocation> attested() {
    return outcome
        .filter(LocationJudge.Accepted.class::isInstance)
        .map(LocationJudge.Accepted.class::cast)
        .flatMap(LocationJudge.Accepted::location);
  }
}
