package dev.serai.appraisal;

import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: body Appraisal in, body node id out, for the hop that answers with the node's record.
 * The appraisal waits in a variable.
 */
final class NameNodeProcessor implements Processor {
  static final String WAITING_APPRAISAL = "waitingAppraisal";

  @Override
  public void process(Exchange exchange) throws Exception {
    Appraisal appraisal = exchange.getMessage().getMandatoryBody(Appraisal.class);
    exchange.setVariable(WAITING_APPRAISAL, appraisal);
    exchange.getMessage().setBody(appraisal.nodeId());
  }
}
