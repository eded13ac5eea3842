package dev.serai.gate;

import dev.serai.reason.ReasonCode;
import dev.serai.role.Meters;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Decisions of the gate in figures. */
final class GateMeters {
  private final Timer allowed;
  private final Timer denied;
  private final Map<ReasonCode, Counter> denials = new EnumMap<>(ReasonCode.class);
  private final Counter fromMemory;
  private final Counter asked;

  GateMeters(MeterRegistry meters) {
    allowed = timer(meters, "allowed");
    denied = timer(meters, "denied");
    Arrays.stream(ReasonCode.values())
        .filter(code -> code.name().startsWith("GATE_"))
        .forEach(
            code ->
                denials.put(
                    code,
                    Meters.counter(
                        meters,
                        "serai.gate.denials",
                        "Requests the gate did not let pass, by reason",
                        "reason",
                        code.name())));
    fromMemory = answers(meters, "memory");
    asked = answers(meters, "sensor");
  }

  private static Timer timer(MeterRegistry meters, String result) {
    return Meters.timer(
        meters, "serai.gate.decisions", "Time of a decision of the gate", "result", result);
  }

  private static Counter answers(MeterRegistry meters, String from) {
    return Meters.counter(
        meters,
        "serai.gate.device.answers",
        "Answers about devices, from the gate's memory or the sensor service",
        "from",
        from);
  }

  void decided(GateDecision decision, long time, TimeUnit unit) {
    (decision.isAllowed() ? allowed : denied).record(time, unit);
    decision.reasons().forEach(reason -> notDecidedFor(reason.code()));
  }

  /** Also for what ended without a decision. */
  void notDecidedFor(ReasonCode code) {
    Counter counter = denials.get(code);
    if (counter != null) {
      counter.increment();
    }
  }

  void answeredFromMemory() {
    fromMemory.increment();
  }

  void answeredBySensor() {
    asked.increment();
  }
}
