package dev.serai.workload;

import dev.serai.reason.ReasonCode;
import dev.serai.role.Meters;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.List;
import java.util.function.BiConsumer;

/** Counts calls of workloads that ended with a reason: new calls refused, open streams ended. */
final class WorkloadDenials implements BiConsumer<String, ReasonCode> {
  private static final List<ReasonCode> USUAL =
      List.of(
          ReasonCode.WORKLOAD_NO_ENTRY,
          ReasonCode.WORKLOAD_NOT_ATTESTED,
          ReasonCode.SECURITY_HEADER_MISSING,
          ReasonCode.AGENT_NOT_READY,
          ReasonCode.JWT_SVID_NOT_ISSUED,
          ReasonCode.JWT_SVID_SIGNATURE_INVALID,
          ReasonCode.JWT_SVID_AUDIENCE_WRONG,
          ReasonCode.JWT_SVID_EXPIRED,
          ReasonCode.NODE_UNTRUSTED,
          ReasonCode.NODE_BANNED,
          ReasonCode.OVERLOADED,
          ReasonCode.INTERNAL_ERROR);

  private final MeterRegistry meters;

  WorkloadDenials(MeterRegistry meters) {
    this.meters = meters;
    USUAL.forEach(this::counter);
  }

  @Override
  public void accept(String method, ReasonCode code) {
    counter(code).increment();
  }

  private Counter counter(ReasonCode code) {
    return Meters.counter(
        meters,
        "serai.workload.denials",
        "Calls of workloads refused or ended with a reason",
        "reason",
        code.name());
  }
}
