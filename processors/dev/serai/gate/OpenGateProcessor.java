package dev.serai.gate;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.util.function.Supplier;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: body {@link GateRequest} in, or the PEM of the TLS peer's certificate as text; body
 * {@link GateCase} out.
 */
final class OpenGateProcessor implements Processor {
  static final String STARTED_NANOS = "gateStartedNanos";

  private final Supplier<GatePolicy> policy;

  OpenGateProcessor(Supplier<GatePolicy> policy) {
    this.policy = policy;
  }

  @Override
  public void process(Exchange exchange) {
    Object body = exchange.getMessage().getBody();
    GateRequest request;
    if (body instanceof GateRequest asked) {
      request = asked;
    } else if (body == null || body instanceof String) {
      request = GateRequest.of(body == null ? "" : (String) body);
    } else {
      throw new RefusalException(
          ReasonCode.MALFORMED_REQUEST, "the gate takes a GateRequest or a certificate in PEM");
    }
    exchange.setProperty(STARTED_NANOS, System.nanoTime());
    exchange.getMessage().setBody(GateCase.open(request, policy.get()));
  }
}
