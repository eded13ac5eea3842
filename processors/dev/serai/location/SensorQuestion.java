package dev.serai.location;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What the verifier asks of the role that knows devices and operators: is this sensor known, does
 * it belong to this node, and, where an area is named, is it there.
 *
 * @param area for the mobile operator; empty when it is not to be asked
 * @param maxAge of what the operator knows
 * @param nonce what an endorsement of the operator's yes has to name: 16 to 128 characters
 */
public record SensorQuestion(
    String nodeId,
    LocationReading reading,
    Optional<Region.Circle> area,
    Duration maxAge,
    String nonce) {
  private static final Pattern NONCE = Pattern.compile("[A-Za-z0-9._~+/=-]{16,128}");

  public SensorQuestion {
    Objects.requireNonNull(nodeId);
    Objects.requireNonNull(reading);
    Objects.requireNonNull(area);
    Objects.requireNonNull(maxAge);
    if (!NONCE.matcher(nonce).matches()) {
      throw new IllegalArgumentException("nonce is none");
    }
  }
}
