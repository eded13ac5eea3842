package dev.serai.appraisal;

import dev.serai.role.Meters;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.concurrent.TimeUnit;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Route step: body Appraisal in, body Verdict out. */
final class ConcludeAppraisalProcessor implements Processor {
  private static final Logger LOG = LoggerFactory.getLogger(ConcludeAppraisalProcessor.class);

  private final MeterRegistry meters;

  ConcludeAppraisalProcessor(MeterRegistry meters) {
    this.meters = meters;
    timer(meters, "trusted");
    timer(meters, "rejected");
  }

  private static Timer timer(MeterRegistry meters, String result) {
    return Meters.timer(
        meters, "serai.appraisal", "Time to judge the evidence of one node", "result", result);
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    Appraisal appraisal = exchange.getMessage().getMandatoryBody(Appraisal.class);
    Verdict verdict = appraisal.verdict();
    exchange.setVariable(Findings.VARIABLE, appraisal.findings());
    String result = verdict.isTrusted() ? "trusted" : "rejected";
    Long started = exchange.getProperty(OpenAppraisalProcessor.STARTED_NANOS, Long.class);
    if (started != null) {
      timer(meters, result).record(System.nanoTime() - started, TimeUnit.NANOSECONDS);
    }
    LOG.info("appraised node={} result={} reasons={}", verdict.nodeId(), result, verdict.reasons());
    exchange.getMessage().setBody(verdict);
  }
}
