package dev.serai.location;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What a policy wants of one node's location.
 *
 * @param regions one of them; empty for any place
 * @param border how the circle of the reading's accuracy has to lie
 * @param hysteresisMetres a node stays in the region it was found in last until it is farther out
 *     than this
 * @param sensors empty for every sensor that belongs to the node
 * @param deviceCheck who says that the sensor belongs to the node
 * @param maxAge a reading is older than this neither when it is judged nor while it is claimed
 * @param maxAccuracyMetres a reading that is known less well says nothing about a region
 * @param maxSpeedKmh faster is no travel
 */
public record LocationRule(
    Need need,
    List<Region> regions,
    Border border,
    double hysteresisMetres,
    List<SensorPattern> sensors,
    DeviceCheck deviceCheck,
    Duration maxAge,
    Assurance minimum,
    double maxAccuracyMetres,
    double maxSpeedKmh) {

  /** Whether there has to be a location. */
  public enum Need {
    /** No location, no trust. */
    REQUIRED,
    /** Without a location that meets the rule there is no location claim. */
    OPTIONAL,
    /** A node that says where it is, is refused. */
    FORBIDDEN
  }

  /** The accuracy circle and the region. */
  public enum Border {
    /** The circle lies in the region. */
    INSIDE,
    /** They have a point in common. */
    OVERLAP
  }

  /** Who knows which sensor is whose. */
  public enum DeviceCheck {
    /** The device registry of the sensor role. */
    REGISTRY,
    /** The rule itself, which names the node's sensor. */
    POLICY
  }

  static final Duration DEFAULT_MAX_AGE = Duration.ofMinutes(10);
  static final double DEFAULT_MAX_ACCURACY = 5_000;
  static final double DEFAULT_MAX_SPEED = 1_200; // an airliner with the wind behind it

  /** What holds where nothing is said: no location is needed, and none is claimed. */
  public static final LocationRule NONE =
      new LocationRule(
          Need.OPTIONAL,
          List.of(),
          Border.INSIDE,
          0,
          List.of(),
          DeviceCheck.REGISTRY,
          DEFAULT_MAX_AGE,
          Assurance.CLAIMED,
          DEFAULT_MAX_ACCURACY,
          DEFAULT_MAX_SPEED);

  public LocationRule {
    Objects.requireNonNull(need);
    regions = List.copyOf(regions);
    Objects.requireNonNull(border);
    sensors = List.copyOf(sensors);
    Objects.requireNonNull(deviceCheck);
    Objects.requireNonNull(minimum);
    if (maxAge.isNegative() || maxAge.isZero()) {
      throw new IllegalArgumentException("a maximum age is over 0");
    }
    if (!(hysteresisMetres >= 0) || !(maxAccuracyMetres >= 0) || !(maxSpeedKmh > 0)) {
      throw new IllegalArgumentException("hysteresis, accuracy and speed are not negative");
    }
  }

  /** Whether the operator has to confirm it. */
  public boolean asksOperator() {
    return minimum == Assurance.OPERATOR_VERIFIED || minimum == Assurance.BOTH;
  }

  /** The first of its regions that holds a position. */
  Optional<Region> regionOf(LocationReading.Position position, Optional<String> lastRegion) {
    GeoPoint point = GeoPoint.of(position);
    double slack = border == Border.INSIDE ? -position.accuracyMetres() : position.accuracyMetres();
    return regions.stream()
        .filter(
            region -> {
              boolean stays = lastRegion.filter(region.name()::equals).isPresent();
              return region.margin(point) + slack + (stays ? hysteresisMetres : 0) >= 0;
            })
        .findFirst();
  }
}
