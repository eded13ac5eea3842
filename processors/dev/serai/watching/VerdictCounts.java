package dev.serai.watching;

import dev.serai.appraisal.Rejected;
import dev.serai.appraisal.Verdict;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.role.Meters;
import io.micrometer.core.instrument.MeterRegistry;

/** What continuous appraisal found, counted: serai.verdicts by result and first reason. */
final class VerdictCounts {
  private static final String NONE = "NONE";

  private final MeterRegistry meters;

  VerdictCounts(MeterRegistry meters) {
    this.meters = meters;
    count("trusted", NONE, 0);
    Meters.denials().forEach(code -> count("rejected", code.name(), 0));
    count("rejected", ReasonCode.NODE_UNKNOWN.name(), 0);
    count("unanswered", ReasonCode.AGENT_UNREACHABLE.name(), 0);
    count("unanswered", ReasonCode.REGISTRAR_UNREACHABLE.name(), 0);
  }

  void judged(Verdict verdict) {
    if (verdict instanceof Rejected rejected) {
      count("rejected", rejected.first().code().name(), 1);
    } else {
      count("trusted", NONE, 1);
    }
  }

  void unanswered(Reason reason) {
    count("unanswered", reason.code().name(), 1);
  }

  private void count(String result, String reason, int times) {
    Meters.counter(
            meters,
            "serai.verdicts",
            "Looks at watched nodes, by what was found",
            "result",
            result,
            "reason",
            reason)
        .increment(times);
  }
}
