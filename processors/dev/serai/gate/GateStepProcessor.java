package dev.serai.gate;

import java.util.function.UnaryOperator;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body {@link GateCase} in, body GateCase out; a closed one is passed on untouched. */
final class GateStepProcessor implements Processor {
  private final UnaryOperator<GateCase> core;

  GateStepProcessor(UnaryOperator<GateCase> core) {
    this.core = core;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    GateCase before = exchange.getMessage().getMandatoryBody(GateCase.class);
    if (before.isOpen()) {
      exchange.getMessage().setBody(core.apply(before));
    }
  }
}
