package dev.serai.appraisal;

import java.util.function.UnaryOperator;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: body Appraisal in, body Appraisal out. A closed one passes untouched. One class for
 * all steps, since they differ in their core only.
 */
final class AppraisalStepProcessor implements Processor {
  private final UnaryOperator<Appraisal> core;

  AppraisalStepProcessor(UnaryOperator<Appraisal> core) {
    this.core = core;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    Appraisal appraisal = exchange.getMessage().getMandatoryBody(Appraisal.class);
    if (appraisal.isOpen()) {
      exchange.getMessage().setBody(core.apply(appraisal));
    }
  }
}
