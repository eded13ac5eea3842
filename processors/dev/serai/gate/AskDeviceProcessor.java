package dev.serai.gate;

import dev.serai.location.DeviceAnswer;
import dev.serai.location.DeviceQuestion;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: body {@link GateCase} in, body {@link DeviceQuestion} out, for the hop that answers
 * with a {@link DeviceAnswer}. The case waits in a variable.
 */
final class AskDeviceProcessor implements Processor {
  static final String WAITING_CASE = "waitingGateCase";

  @Override
  public void process(Exchange exchange) throws Exception {
    GateCase open = exchange.getMessage().getMandatoryBody(GateCase.class);
    exchange.setVariable(WAITING_CASE, open);
    exchange
        .getMessage()
        .setBody(
            GateSteps.question(open.location()).fresh(open.policy().mode() == GateMode.STRICT));
  }
}
