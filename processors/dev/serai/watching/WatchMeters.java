package dev.serai.watching;

import dev.serai.appraisal.StateReport.State;
import dev.serai.role.Sampled;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;

/** Gauges over the watch list. */
final class WatchMeters {
  private WatchMeters() {}

  static void bind(
      MeterRegistry meters, WatchStore store, WatchFlight flight, InstantSource clock) {
    Sampled<WatchStore.Figures> figures = new Sampled<>(() -> store.figures(clock.instant()));
    for (State state : State.values()) {
      Gauge.builder("serai.node.state", () -> figures.get(f -> f.counts().get(state)))
          .description("Nodes on the watch list by state")
          .tag("state", state.name())
          .register(meters);
    }
    Gauge.builder("serai.node.proof.age.max", () -> figures.get(f -> since(f.oldestProof(), clock)))
        .description("Time since the last accepted quote of the trusted node that waits longest")
        .baseUnit("seconds")
        .register(meters);
    Gauge.builder("serai.verifier.due.lag", () -> figures.get(f -> since(f.longestDue(), clock)))
        .description("How long the node has been due that waits longest to be looked at")
        .baseUnit("seconds")
        .register(meters);
    Gauge.builder("serai.verifier.reports.pending", () -> figures.get(WatchStore.Figures::reports))
        .description("Nodes whose last change the issuer has not confirmed yet")
        .register(meters);
    Gauge.builder("serai.verifier.looks.in.flight", flight, WatchFlight::size)
        .description("Nodes being looked at now")
        .register(meters);
  }

  private static double since(Optional<Instant> from, InstantSource clock) {
    return from.map(at -> Math.max(0, Duration.between(at, clock.instant()).toMillis() / 1000.0))
        .orElse(0.0);
  }
}
