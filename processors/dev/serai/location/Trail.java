package dev.serai.location;

import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * Where a node or a sensor was found last. Prints nothing of it.
 *
 * @param region that it was in
 */
public record Trail(
    Optional<LocationReading.Position> position, Instant takenAt, Optional<String> region) {
  /** More than the largest cell of a mobile network. */
  private static final double MOST_CREDIT_METRES = 50_000;

  private static final double MILLIS_PER_HOUR = 3_600_000;
  private static final Duration LEAST_TIME = Duration.ofSeconds(1);

  public Trail {
    Objects.requireNonNull(position);
    Objects.requireNonNull(takenAt);
    Objects.requireNonNull(region);
  }

  /** How fast it must have been to get there, in favour of whoever travels; 0 when not known. */
  double speedKmh(LocationReading.Position there, Instant at) {
    if (position.isEmpty()) {
      return 0;
    }
    double metres =
        GeoPoint.of(position.get()).distanceTo(GeoPoint.of(there))
            - credit(position.get())
            - credit(there);
    Duration between = Duration.between(takenAt, at).abs();
    double millis = Math.max(between.toMillis(), LEAST_TIME.toMillis());
    return Math.max(0, metres) / 1_000 / (millis / MILLIS_PER_HOUR);
  }

  /** Who does not know where he is does not get around the world by that. */
  private static double credit(LocationReading.Position reading) {
    return Math.min(reading.accuracyMetres(), MOST_CREDIT_METRES);
  }

  @Override
  public String toString() {
    return "Trail[until %s]".formatted(takenAt);
  }
}
