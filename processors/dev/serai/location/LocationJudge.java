package dev.serai.location;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Judges a reading that the node's TPM has bound to its evidence. That binding says that this node
 * said so, and no more: whether it is true is what registry, operator and geofence are for. Pure.
 */
public final class LocationJudge {
  /** Clocks of nodes may be ahead by this. */
  static final Duration CLOCK_SKEW = Duration.ofMinutes(1);

  /** An operator's cell is no smaller. */
  static final double LEAST_AREA_METRES = 2_000;

  private LocationJudge() {}

  /** What came of it. */
  public sealed interface Outcome {}

  /** The node may be trusted; without a location there is no claim of one. */
  public record Accepted(Optional<AttestedLocation> location) implements Outcome {
    public Accepted {
      Objects.requireNonNull(location);
    }
  }

  /** The node may not be trusted. */
  public record Denied(Reason reason) implements Outcome {}

  /** The location is not claimed, and the rule does not need it. */
  public record NotClaimed(Reason reason) implements Outcome {}

  /**
   * What can be said before anybody is asked; empty when the reading has to be judged.
   *
   * @param reading bound by the TPM
   */
  public static Optional<Outcome> before(
      LocationRule rule, Optional<LocationReading> reading, Instant now) {
    if (reading.isEmpty()) {
      return Optional.of(
          rule.need() == LocationRule.Need.REQUIRED
              ? denied(ReasonCode.LOCATION_MISSING, "the evidence has no location")
              : new Accepted(Optional.empty()));
    }
    if (rule.need() == LocationRule.Need.FORBIDDEN) {
      return Optional.of(denied(ReasonCode.LOCATION_FORBIDDEN, "the evidence has a location"));
    }
    boolean allowed =
        rule.sensors().isEmpty()
            || rule.sensors().stream().anyMatch(pattern -> pattern.matches(reading.get()));
    if (!allowed) {
      return Optional.of(
          denied(ReasonCode.SENSOR_NOT_ALLOWED, "the policy does not list this sensor"));
    }
    Duration age = reading.get().age(now);
    if (age.compareTo(rule.maxAge()) > 0) {
      return Optional.of(
          unmet(rule, ReasonCode.LOCATION_STALE, "read %d s ago".formatted(age.toSeconds())));
    }
    if (age.compareTo(CLOCK_SKEW.negated()) < 0) {
      return Optional.of(
          unmet(
              rule,
              ReasonCode.LOCATION_STALE,
              "read %d s in the future".formatted(-age.toSeconds())));
    }
    double accuracy =
        reading.get().position().map(LocationReading.Position::accuracyMetres).orElse(0.0);
    if (accuracy > rule.maxAccuracyMetres()) {
      return Optional.of(
          unmet(
              rule,
              ReasonCode.LOCATION_INACCURATE,
              "known to %.0f m, and the policy wants %.0f m"
                  .formatted(accuracy, rule.maxAccuracyMetres())));
    }
    return Optional.empty();
  }

  /**
   * What to ask of registry and operator; empty when the rule itself names the node's sensor.
   *
   * @param nonce for this question alone
   */
  public static Optional<SensorQuestion> question(
      LocationRule rule, String nodeId, LocationReading reading, String nonce) {
    if (rule.deviceCheck() == LocationRule.DeviceCheck.POLICY) {
      return Optional.empty();
    }
    return Optional.of(
        new SensorQuestion(
            nodeId,
            reading,
            rule.asksOperator() ? area(rule, reading) : Optional.empty(),
            rule.maxAge(),
            nonce));
  }

  /** Around the position that the sensor names; without one, the only region there is. */
  private static Optional<Region.Circle> area(LocationRule rule, LocationReading reading) {
    if (reading.position().isPresent()) {
      LocationReading.Position at = reading.position().get();
      return Optional.of(
          new Region.Circle(
              "reading",
              GeoPoint.of(at),
              Math.min(
                  Math.max(at.accuracyMetres(), LEAST_AREA_METRES), Region.Circle.MAX_RADIUS)));
    }
    return rule.regions().size() == 1 ? rule.regions().get(0).circle() : Optional.empty();
  }

  /**
   * Judges what {@link #before} left open.
   *
   * @param answer empty when nobody had to be asked
   * @param last where the node was found last
   * @param sensorLast where its sensor was found last, on whatever node
   */
  public static Outcome judge(
      LocationRule rule,
      LocationReading reading,
      Optional<SensorAnswer> answer,
      Optional<Trail> last,
      List<Trail> sensorLast,
      Instant now) {
    Optional<Outcome> device = device(rule, answer);
    if (device.isPresent()) {
      return device.get();
    }
    Optional<SensorAnswer.Word> operator = answer.flatMap(SensorAnswer::operator);
    boolean confirmed = operator.filter(SensorAnswer.Word.TRUE::equals).isPresent();
    if (operator.filter(SensorAnswer.Word.FALSE::equals).isPresent()) {
      return unmet(
          rule, ReasonCode.LOCATION_NOT_CONFIRMED, "the operator has the device elsewhere");
    }
    if (rule.asksOperator() && !confirmed) {
      return unmet(
          rule,
          ReasonCode.LOCATION_UNDECIDED,
          "the operator said " + operator.map(Enum::name).orElse("nothing"));
    }
    Assurance assurance = assurance(reading, confirmed);
    if (!assurance.meets(rule.minimum())) {
      return unmet(
          rule,
          ReasonCode.LOCATION_ASSURANCE_LOW,
          "%s does not meet %s".formatted(assurance.word(), rule.minimum().word()));
    }
    if (reading.position().isPresent()) {
      Optional<Outcome> travel =
          travel(rule, reading.position().get(), reading.takenAt(), last, sensorLast);
      if (travel.isPresent()) {
        return travel.get();
      }
    }
    Optional<String> region = Optional.empty();
    if (!rule.regions().isEmpty()) {
      region = region(rule, reading, confirmed, last);
      if (region.isEmpty()) {
        return unmet(
            rule,
            ReasonCode.LOCATION_OUTSIDE,
            reading.position().isPresent()
                ? "in none of the regions of the policy"
                : "the reading has no position, and nobody confirmed it in a region");
      }
    }
    Instant counted = reading.takenAt().isAfter(now) ? now : reading.takenAt();
    return new Accepted(
        Optional.of(
            new AttestedLocation(
                withMsisdn(reading, answer.flatMap(SensorAnswer::msisdn)),
                region,
                assurance,
                counted.plus(rule.maxAge()),
                answer.flatMap(SensorAnswer::endorsement))));
  }

  /** Never optional: a sensor that is somebody else's is a lie or a mix-up. */
  private static Optional<Outcome> device(LocationRule rule, Optional<SensorAnswer> answer) {
    if (rule.deviceCheck() == LocationRule.DeviceCheck.POLICY) {
      return Optional.empty(); // the allow list has named it
    }
    SensorAnswer.Standing standing =
        answer.map(SensorAnswer::standing).orElse(SensorAnswer.Standing.UNKNOWN);
    return switch (standing) {
      case BOUND -> Optional.empty();
      case UNBOUND ->
          Optional.of(
              denied(ReasonCode.SENSOR_UNBOUND, "registered for another node or with another SIM"));
      case UNKNOWN ->
          Optional.of(denied(ReasonCode.SENSOR_UNKNOWN, "no such device is registered"));
    };
  }

  /** A file says what somebody wrote into it. */
  private static Assurance assurance(LocationReading reading, boolean confirmed) {
    boolean receiver =
        reading.type().equals(LocationReading.GNSS) && !reading.source().equals("file");
    if (confirmed) {
      return receiver ? Assurance.BOTH : Assurance.OPERATOR_VERIFIED;
    }
    return receiver ? Assurance.GNSS : Assurance.CLAIMED;
  }

  private static Optional<Outcome> travel(
      LocationRule rule,
      LocationReading.Position position,
      Instant takenAt,
      Optional<Trail> last,
      List<Trail> sensorLast) {
    double fastest =
        java.util.stream.Stream.concat(last.stream(), sensorLast.stream())
            .mapToDouble(trail -> trail.speedKmh(position, takenAt))
            .max()
            .orElse(0);
    return fastest <= rule.maxSpeedKmh()
        ? Optional.empty()
        : Optional.of(
            denied(
                ReasonCode.LOCATION_IMPOSSIBLE_TRAVEL,
                "%.0f km/h since the last reading".formatted(Math.min(fastest, 1e9))));
  }

  private static Optional<String> region(
      LocationRule rule, LocationReading reading, boolean confirmed, Optional<Trail> last) {
    if (reading.position().isPresent()) {
      return rule.regionOf(reading.position().get(), last.flatMap(Trail::region)).map(Region::name);
    }
    // The operator was asked about this very circle.
    return confirmed ? area(rule, reading).map(Region::name) : Optional.empty();
  }

  private static LocationReading withMsisdn(LocationReading reading, Optional<String> msisdn) {
    return new LocationReading(
        reading.type(),
        reading.sensorId(),
        reading.imei(),
        reading.imsi(),
        msisdn.or(reading::msisdn),
        reading.serialNumber(),
        reading.position(),
        reading.takenAt(),
        reading.source());
  }

  private static Outcome denied(ReasonCode code, String detail) {
    return new Denied(new Reason(code, detail));
  }

  /** Whether the rule needs it decides what a location that does not meet it means. */
  private static Outcome unmet(LocationRule rule, ReasonCode code, String detail) {
    Reason reason = new Reason(code, detail);
    return rule.need() == LocationRule.Need.REQUIRED ? new Denied(reason) : new NotClaimed(reason);
  }
}
