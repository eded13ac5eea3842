package dev.serai.agent;

import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: makes the request for the versions the registrar speaks. */
final class AskRegistrarVersionProcessor implements Processor {
  @Override
  public void process(Exchange exchange) {
    RegistrarCall.request(exchange, "GET", "/version", Optional.empty());
  }
}
