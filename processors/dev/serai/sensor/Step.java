package dev.serai.sensor;

import dev.serai.audit.Acting;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.wire.MalformedStructureException;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body in, body out, made by a core on behalf of the caller. */
final class Step<B> implements Processor {
  private final Class<B> bodyType;
  private final Core<B> core;

  /** The work. */
  @FunctionalInterface
  interface Core<B> {
    Object apply(B body, Exchange exchange) throws MalformedStructureException;
  }

  private Step(Class<B> bodyType, Core<B> core) {
    this.bodyType = bodyType;
    this.core = core;
  }

  static <B> Step<B> of(Class<B> bodyType, Core<B> core) {
    return new Step<>(bodyType, core);
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    B body = exchange.getMessage().getMandatoryBody(bodyType);
    String actor = exchange.getVariable(ReadSensorCallProcessor.ACTOR, "sensor", String.class);
    exchange.getMessage().setBody(Acting.as(actor, () -> apply(body, exchange)));
  }

  private Object apply(B body, Exchange exchange) {
    try {
      return core.apply(body, exchange);
    } catch (MalformedStructureException e) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, e.getMessage(), e);
    }
  }
}
