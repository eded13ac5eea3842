package dev.serai.location;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * What the verifier asks of the role that knows devices and operators: is this sensor known, does
 * it belong to this node, and, where an area is named, is it there.
 *
 * @param area for the mobile operator; empty when it is not to be asked
 * @param maxAge of what the operator knows
 */
public record SensorQuestion(
    String nodeId, LocationReading reading, Optional<Region.Circle> area, Duration maxAge) {
  public SensorQuestion {
    Objects.requireNonNull(nodeId);
    Objects.requireNonNull(reading);
    Objects.requireNonNull(area);
    Objects.requireNonNull(maxAge);
  }
}
