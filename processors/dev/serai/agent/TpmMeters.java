package dev.serai.agent;

import dev.serai.deadline.Deadline;
import dev.serai.role.Meters;
import dev.serai.tpm.TpmException.Fault;
import dev.serai.tpm.TpmOperationListener;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * Times of TPM operations, and whether the TPM answers: the last operation that said something of
 * it decides. A command the TPM refused is an answer; a caller that had to wait behind others says
 * nothing of it.
 */
final class TpmMeters implements TpmOperationListener {
  private static final Set<Fault> AWAY =
      EnumSet.of(
          Fault.NO_DEVICE,
          Fault.NO_PERMISSION,
          Fault.BUSY,
          Fault.NO_LIBRARY,
          Fault.BAD_TCTI,
          Fault.UNAVAILABLE,
          Fault.CONFLICT,
          Fault.NO_MANAGER,
          Fault.WEDGED,
          Fault.LOCKOUT);
  private static final Set<Fault> OF_THE_CALLER = EnumSet.of(Fault.TIMEOUT, Fault.EXPIRED);
  private static final String OK = "ok";

  private final MeterRegistry meters;
  private volatile String state = "unknown";

  TpmMeters(MeterRegistry meters) {
    this.meters = meters;
    stateGauge("unknown");
    stateGauge(OK);
    AWAY.forEach(fault -> stateGauge(name(fault)));
  }

  private void stateGauge(String name) {
    Gauge.builder("serai.tpm.state", this, self -> self.state.equals(name) ? 1 : 0)
        .description("1 for how the TPM stood at its last operation")
        .tag("state", name)
        .strongReference(true)
        .register(meters);
  }

  @Override
  public void finished(String operation, Optional<Fault> fault, Duration took) {
    if (fault.filter(OF_THE_CALLER::contains).isEmpty()) {
      state = fault.filter(AWAY::contains).map(TpmMeters::name).orElse(OK);
    }
    Meters.timer(
            meters,
            "serai.tpm.operation",
            "Time of a TPM operation, waiting for its turn included",
            "operation",
            operation,
            "result",
            fault.map(TpmMeters::name).orElse(OK))
        .record(took);
  }

  /** The deadline of the flow that asks. */
  @Override
  public Optional<Duration> patience() {
    return Deadline.current().map(Deadline::forInnerCall);
  }

  private static String name(Fault fault) {
    return fault.name().toLowerCase(Locale.ROOT);
  }
}
