package dev.serai.appraisal;

import static java.util.Objects.requireNonNull;

import dev.serai.location.SensorAnswer;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body SensorAnswer in, body the waiting Appraisal out. */
final class TakeSensorAnswerProcessor implements Processor {
  private final LocationSteps steps;

  TakeSensorAnswerProcessor(LocationSteps steps) {
    this.steps = steps;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    SensorAnswer answer = exchange.getMessage().getMandatoryBody(SensorAnswer.class);
    Appraisal appraisal =
        requireNonNull(
            exchange.getVariable(NameNodeProcessor.WAITING_APPRAISAL, Appraisal.class),
            NameNodeProcessor.WAITING_APPRAISAL);
    exchange.removeVariable(NameNodeProcessor.WAITING_APPRAISAL);
    exchange.getMessage().setBody(steps.answered(appraisal, answer));
  }
}
