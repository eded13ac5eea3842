package dev.serai.agent;

import dev.serai.deadline.Deadline;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmOperationListener;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/** Meters the TPM, and hands it the deadline of the flow that asks. */
final class TpmCallers implements TpmOperationListener {
  private final MeterRegistry meters;

  TpmCallers(MeterRegistry meters) {
    this.meters = meters;
  }

  @Override
  public void finished(String operation, Optional<TpmException.Fault> fault, Duration took) {
    Timer.builder("serai.tpm.operation")
        .description("Time of a TPM operation, waiting for its turn included")
        .tag("operation", operation)
        .tag("result", fault.map(f -> f.name().toLowerCase(Locale.ROOT)).orElse("ok"))
        .register(meters)
        .record(took);
  }

  @Override
  public Optional<Duration> patience() {
    return Deadline.current().map(Deadline::forInnerCall);
  }
}
