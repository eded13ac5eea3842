package dev.serai.agent;

import dev.serai.keylime.Envelope;
import dev.serai.keylime.GeolocationAnswer;
import dev.serai.keylime.HttpAnswer;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body GeolocationAnswer in, HttpAnswer out. */
final class AnswerLocationProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws Exception {
    exchange
        .getMessage()
        .setBody(
            HttpAnswer.of(
                Envelope.success(exchange.getMessage().getMandatoryBody(GeolocationAnswer.class))));
  }
}
