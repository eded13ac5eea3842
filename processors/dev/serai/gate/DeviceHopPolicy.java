package dev.serai.gate;

import dev.serai.reason.Kind;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.reason.Refused;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangeExtension;
import org.apache.camel.NamedNode;
import org.apache.camel.Processor;
import org.apache.camel.Route;
import org.apache.camel.spi.Policy;
import org.apache.camel.support.processor.DelegateAsyncProcessor;

/**
 * Policy around the hop to the sensor service. Whether that is a route of this process or another
 * process, what kept it from answering is called GATE_UNAVAILABLE here, with its own code in the
 * detail. A fault of ours stays one.
 */
final class DeviceHopPolicy implements Policy {
  @Override
  public void beforeWrap(Route route, NamedNode definition) {}

  @Override
  public Processor wrap(Route route, Processor processor) {
    return new DelegateAsyncProcessor(processor) {
      @Override
      public boolean process(Exchange exchange, AsyncCallback callback) {
        return super.process(
            exchange,
            doneSync -> {
              Refused refused = exchange.getProperty(Refused.PROPERTY, Refused.class);
              if (refused != null && isAbsence(refused.reason().code())) {
                refuseAnew(exchange, refused.reason());
              }
              callback.done(doneSync);
            });
      }
    };
  }

  /** What keeps a service from answering; its no is an answer, and our faults have their code. */
  static boolean isAbsence(ReasonCode code) {
    Kind kind = code.kind();
    return !code.name().startsWith("GATE_") && kind != Kind.INTERNAL && kind != Kind.DENIED;
  }

  /** The route that failed has answered already; this takes its answer back. */
  private static void refuseAnew(Exchange exchange, Reason reason) {
    exchange.removeProperty(Refused.PROPERTY);
    exchange.setRouteStop(false);
    ExchangeExtension state = exchange.getExchangeExtension();
    state.setErrorHandlerHandled(null);
    state.setFailureHandled(false);
    state.setRedeliveryExhausted(false);
    exchange.setException(new RefusalException(ReasonCode.GATE_UNAVAILABLE, reason.toString()));
  }
}
