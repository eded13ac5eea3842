package dev.serai.appraisal;

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
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    Verdict verdict = exchange.getMessage().getMandatoryBody(Appraisal.class).verdict();
    String result = verdict.isTrusted() ? "trusted" : "rejected";
    Long started = exchange.getProperty(OpenAppraisalProcessor.STARTED_NANOS, Long.class);
    if (started != null) {
      Timer.builder("serai.appraisal")
          .tag("result", result)
          .register(meters)
          .record(System.nanoTime() - started, TimeUnit.NANOSECONDS);
    }
    LOG.info("appraised node={} result={} reasons={}", verdict.nodeId(), result, verdict.reasons());
    exchange.getMessage().setBody(verdict);
  }
}
