package dev.serai.issuing;

import java.util.function.Function;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body in, body out, made by a core. */
final class BodyProcessor<B> implements Processor {
  private final Class<B> bodyType;
  private final Function<B, ?> core;

  BodyProcessor(Class<B> bodyType, Function<B, ?> core) {
    this.bodyType = bodyType;
    this.core = core;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    B body = exchange.getMessage().getMandatoryBody(bodyType);
    exchange.getMessage().setBody(core.apply(body));
  }
}
