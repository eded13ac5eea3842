package dev.serai.role;

import dev.serai.reason.Kind;
import dev.serai.reason.ReasonCode;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * How our meters are made, so that all look the same: times as histograms with few fixed buckets,
 * counters that are there with zero before the first event (or an alert would miss that one), ends
 * of lives as seconds of the epoch. A label has as many values as an enum or the route files have;
 * nothing a caller sends becomes one. README's table of metrics has every name.
 */
public final class Meters {
  private static final Duration[] BUCKETS = {
    Duration.ofMillis(1),
    Duration.ofMillis(5),
    Duration.ofMillis(10),
    Duration.ofMillis(25),
    Duration.ofMillis(50),
    Duration.ofMillis(100),
    Duration.ofMillis(250),
    Duration.ofMillis(500),
    Duration.ofSeconds(1),
    Duration.ofMillis(2500),
    Duration.ofSeconds(5),
    Duration.ofSeconds(10),
    Duration.ofSeconds(30)
  };

  private Meters() {}

  /** A histogram of times. */
  public static Timer timer(MeterRegistry meters, String name, String description, String... tags) {
    return Timer.builder(name)
        .description(description)
        .tags(tags)
        .serviceLevelObjectives(BUCKETS)
        .register(meters);
  }

  /** A counter, at zero until something is counted. */
  public static Counter counter(
      MeterRegistry meters, String name, String description, String... tags) {
    return Counter.builder(name).description(description).tags(tags).register(meters);
  }

  /** The end of something's life; NaN while it is not there. */
  public static void expiry(
      MeterRegistry meters,
      String name,
      String description,
      Supplier<Optional<Instant>> end,
      String... tags) {
    Gauge.builder(
            name,
            () -> end.get().map(at -> (Number) (at.toEpochMilli() / 1000.0)).orElse(Double.NaN))
        .description(description)
        .baseUnit("seconds")
        .tags(tags)
        .register(meters);
  }

  /** Codes that say no to a node or a workload. */
  public static List<ReasonCode> denials() {
    return Arrays.stream(ReasonCode.values()).filter(c -> c.kind() == Kind.DENIED).toList();
  }
}
