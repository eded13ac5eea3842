package dev.serai.appraisal;

import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body AppraisalRequest in, body Appraisal out. */
final class OpenAppraisalProcessor implements Processor {
  static final String STARTED_NANOS = "appraisalStartedNanos";

  @Override
  public void process(Exchange exchange) throws Exception {
    AppraisalRequest request = exchange.getMessage().getMandatoryBody(AppraisalRequest.class);
    exchange.setProperty(STARTED_NANOS, System.nanoTime());
    exchange.getMessage().setBody(Appraisal.of(request));
  }
}
