package dev.serai.appraisal;

import dev.serai.location.SensorAnswer;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: body Appraisal in, body SensorQuestion out, for the hop that answers with a {@link
 * SensorAnswer}. The appraisal waits in a variable.
 */
final class AskSensorProcessor implements Processor {
  private final LocationSteps steps;

  AskSensorProcessor(LocationSteps steps) {
    this.steps = steps;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    Appraisal appraisal = exchange.getMessage().getMandatoryBody(Appraisal.class);
    exchange.setVariable(NameNodeProcessor.WAITING_APPRAISAL, appraisal);
    exchange.getMessage().setBody(steps.question(appraisal));
  }
}
