package dev.serai.appraisal;

import static java.util.Objects.requireNonNull;

import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body NodeRecord in, body the waiting Appraisal out. */
final class CheckNodeRecordProcessor implements Processor {
  private final AppraisalSteps steps;

  CheckNodeRecordProcessor(AppraisalSteps steps) {
    this.steps = steps;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    NodeRecord node = exchange.getMessage().getMandatoryBody(NodeRecord.class);
    Appraisal appraisal =
        requireNonNull(
            exchange.getVariable(NameNodeProcessor.WAITING_APPRAISAL, Appraisal.class),
            NameNodeProcessor.WAITING_APPRAISAL);
    exchange.removeVariable(NameNodeProcessor.WAITING_APPRAISAL);
    exchange.getMessage().setBody(steps.checkNode(appraisal, node));
  }
}
