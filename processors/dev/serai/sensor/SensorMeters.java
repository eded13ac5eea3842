package dev.serai.sensor;

import dev.serai.camara.OperatorVerdict;
import dev.serai.role.Meters;
import dev.serai.role.Sampled;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.EnumMap;
import java.util.Map;

/** Figures of the registry and of checks. */
final class SensorMeters {
  private final Map<OperatorVerdict.Result, Counter> checks =
      new EnumMap<>(OperatorVerdict.Result.class);
  private final Counter endorsements;

  SensorMeters(MeterRegistry meters, DeviceStore store, EndorsementKeys keys) {
    for (OperatorVerdict.Result result : OperatorVerdict.Result.values()) {
      checks.put(
          result,
          Meters.counter(
              meters,
              "serai.location.checks",
              "Locations checked, kept answers included",
              "result",
              result.word()));
    }
    endorsements = Meters.counter(meters, "serai.location.endorsements", "Endorsements signed");
    Sampled<Map<Device.Type, Integer>> counts = new Sampled<>(store::counts);
    for (Device.Type type : Device.Type.values()) {
      Gauge.builder("serai.sensor.devices", () -> counts.get(all -> all.getOrDefault(type, 0)))
          .description("Registered sensors")
          .tag("type", type.word())
          .register(meters);
    }
    Gauge.builder(
            "serai.endorsement.key.created.timestamp",
            () -> keys.signingSince().toEpochMilli() / 1000.0)
        .description("When the key that signs endorsements was made")
        .baseUnit("seconds")
        .register(meters);
  }

  void checked(OperatorVerdict.Result result) {
    checks.get(result).increment();
  }

  void endorsed() {
    endorsements.increment();
  }
}
