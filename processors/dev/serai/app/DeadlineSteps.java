package dev.serai.app;

import dev.serai.deadline.Deadline;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.rpc.RpcCall;
import org.apache.camel.AsyncCallback;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.NamedNode;
import org.apache.camel.Processor;
import org.apache.camel.spi.InterceptStrategy;
import org.apache.camel.support.processor.DelegateAsyncProcessor;

/**
 * While a step runs its thread works for the deadline of its exchange; before and after it for what
 * it worked for before. A step whose caller is gone is not begun.
 */
final class DeadlineSteps implements InterceptStrategy {
  @Override
  public Processor wrapProcessorInInterceptors(
      CamelContext context, NamedNode definition, Processor target, Processor nextTarget) {
    return new Step(definition.getId(), target);
  }

  private static final class Step extends DelegateAsyncProcessor {
    private final String id;

    Step(String id, Processor step) {
      super(step);
      this.id = id;
    }

    @Override
    public boolean process(Exchange exchange, AsyncCallback callback) {
      if (isForNobody(exchange)) {
        exchange.setException(
            new RefusalException(
                ReasonCode.DEADLINE_EXCEEDED, "nobody waits any more; " + id + " was not begun"));
        callback.done(true);
        return true;
      }
      try (Deadline.Scope scope = Deadline.enter(Deadline.of(exchange))) {
        return super.process(exchange, callback);
      }
    }

    private static boolean isForNobody(Exchange exchange) {
      if (exchange.getProperty(Exchange.EXCEPTION_CAUGHT) != null) {
        return false; // it is being refused already
      }
      RpcCall call = exchange.getVariable(RpcCall.VARIABLE, RpcCall.class);
      return Deadline.of(exchange).filter(Deadline::passed).isPresent()
          || (call != null && call.isCancelled());
    }
  }
}
