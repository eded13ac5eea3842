package dev.serai.http;

import dev.serai.keylime.HttpAnswer;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link HttpAnswer} in, HTTP response out. */
public final class WriteHttpAnswerProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    HttpAnswers.write(exchange, exchange.getMessage().getMandatoryBody(HttpAnswer.class));
  }
}
