package dev.serai.enrolment;

import dev.serai.role.Sampled;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.InstantSource;
import java.util.Locale;
import java.util.Map;

/** The registrar's gauges. */
final class RegistrarMeters {
  private RegistrarMeters() {}

  static void bind(MeterRegistry meters, EnrolmentStore store, InstantSource clock) {
    Sampled<Map<EnrolmentStore.Stage, Integer>> counts =
        new Sampled<>(() -> store.counts(clock.instant()));
    for (EnrolmentStore.Stage stage : EnrolmentStore.Stage.values()) {
      Gauge.builder("serai.registrar.nodes", () -> counts.get(c -> c.get(stage)))
          .description("Node records by stage")
          .tag("stage", stage.name().toLowerCase(Locale.ROOT))
          .register(meters);
    }
  }
}
