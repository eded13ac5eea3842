package dev.serai.camara;

import dev.serai.role.Meters;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** Figures of the operator. */
final class OperatorMeters {
  static final String AUTHORIZE = "authorize";
  static final String TOKEN = "token";
  static final String VERIFY = "verify";

  private final Map<String, Timer> calls = new HashMap<>();
  private final Map<OperatorVerdict.Result, Counter> answers =
      new EnumMap<>(OperatorVerdict.Result.class);
  private final Map<String, Counter> cache = new HashMap<>();
  private final MeterRegistry meters;
  private final Consumer<Duration> latency;

  /**
   * @param latency told of each call of the verification
   */
  OperatorMeters(MeterRegistry meters, Consumer<Duration> latency) {
    this.meters = meters;
    this.latency = latency;
    for (String call : List.of(AUTHORIZE, TOKEN, VERIFY)) {
      for (boolean answered : List.of(true, false)) {
        calls.put(
            call + answered,
            Meters.timer(
                meters,
                "serai.operator.call",
                "Time of one call to the operator",
                "call",
                call,
                "answered",
                Boolean.toString(answered)));
      }
    }
    for (OperatorVerdict.Result result : OperatorVerdict.Result.values()) {
      answers.put(
          result,
          Meters.counter(
              meters,
              "serai.operator.verdicts",
              "What the operator said when it was asked",
              "result",
              result.word()));
    }
    for (String outcome : List.of("kept", "joined", "asked")) {
      cache.put(
          outcome,
          Meters.counter(
              meters,
              "serai.operator.questions",
              "Questions by where their answer came from",
              "answer",
              outcome));
    }
  }

  void called(String call, boolean answered, Duration time) {
    calls.get(call + answered).record(time);
    if (call.equals(VERIFY)) {
      latency.accept(time);
    }
  }

  void said(OperatorVerdict.Result result) {
    answers.get(result).increment();
  }

  void question(String answer) {
    cache.get(answer).increment();
  }

  void bindPause(BooleanSupplier paused) {
    Gauge.builder("serai.operator.paused", () -> paused.getAsBoolean() ? 1 : 0)
        .description("1 while the operator wants not to be asked")
        .register(meters);
  }
}
