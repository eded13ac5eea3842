package dev.serai.gate;

import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link GateDecision} in, body CheckResponse out. */
final class AnswerCheckProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    exchange
        .getMessage()
        .setBody(CheckAnswers.of(exchange.getMessage().getMandatoryBody(GateDecision.class)));
  }
}
