package dev.serai.watching;

import dev.serai.breaker.Breaker;
import dev.serai.breaker.Breakers;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.NamedNode;
import org.apache.camel.Processor;
import org.apache.camel.Route;
import org.apache.camel.spi.Policy;
import org.apache.camel.support.processor.DelegateAsyncProcessor;

/**
 * Policy around the question to an agent, with the breaker of the node in the body's {@link
 * QuoteRequest}. While it is open the agent is not asked, and the outcome says so.
 */
final class NodeBreakerPolicy implements Policy {
  private final Breakers breakers;

  NodeBreakerPolicy(Breakers breakers) {
    this.breakers = breakers;
  }

  @Override
  public void beforeWrap(Route route, NamedNode definition) {}

  @Override
  public Processor wrap(Route route, Processor processor) {
    return new Guarded(processor);
  }

  private final class Guarded extends DelegateAsyncProcessor {
    Guarded(Processor processor) {
      super(processor);
    }

    @Override
    public boolean process(Exchange exchange, AsyncCallback callback) {
      QuoteRequest request = exchange.getMessage().getBody(QuoteRequest.class);
      if (request == null) {
        exchange.setException(new IllegalStateException("no quote request"));
        callback.done(true);
        return true;
      }
      Breaker breaker = breakers.of(Breakers.Kind.NODE, request.node().nodeId());
      if (!breaker.tryAcquire()) {
        exchange
            .getMessage()
            .setBody(FetchOutcome.unanswered("not asked: its circuit breaker is open"));
        callback.done(true);
        return true;
      }
      return super.process(
          exchange,
          doneSync -> {
            Object outcome = exchange.getMessage().getBody();
            if (outcome instanceof FetchOutcome.Answered) {
              breaker.succeeded();
            } else if (outcome instanceof FetchOutcome.Unanswered unanswered) {
              breaker.failed(unanswered.reason().toString());
            } else {
              breaker.failed("no answer");
            }
            callback.done(doneSync);
          });
    }
  }
}
