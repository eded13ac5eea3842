package dev.serai.enrolment;

import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import dev.serai.keylime.RegisterAnswer;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link Enrolment.Challenged} in, body {@link HttpAnswer} with the blob out. */
final class AnswerEnrolmentProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    Enrolment.Challenged challenged =
        exchange.getMessage().getMandatoryBody(Enrolment.Challenged.class);
    String blob = challenged.blob().toFile().toBase64();
    exchange.getMessage().setBody(HttpAnswer.of(Envelope.success(new RegisterAnswer(blob))));
  }
}
