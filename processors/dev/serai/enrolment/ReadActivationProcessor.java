package dev.serai.enrolment;

import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link RegistrarCall} in, body {@link Enrolment.Answered} out. */
final class ReadActivationProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    RegistrarCall call = exchange.getMessage().getMandatoryBody(RegistrarCall.class);
    exchange.getMessage().setBody(EnrolmentReader.answer(call));
  }
}
