package dev.serai.watching;

import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import java.util.concurrent.TimeUnit;
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
  private final NodeBreakers breakers;

  NodeBreakerPolicy(NodeBreakers breakers) {
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
      CircuitBreaker breaker = breakers.of(request.node().nodeId());
      if (!breaker.tryAcquirePermission()) {
        exchange
            .getMessage()
            .setBody(FetchOutcome.unanswered("not asked: its circuit breaker is open"));
        callback.done(true);
        return true;
      }
      long began = breaker.getCurrentTimestamp();
      return super.process(
          exchange,
          doneSync -> {
            long took = breaker.getCurrentTimestamp() - began;
            TimeUnit unit = breaker.getTimestampUnit();
            if (exchange.getMessage().getBody() instanceof FetchOutcome.Answered) {
              breaker.onSuccess(took, unit);
            } else {
              breaker.onError(took, unit, new IllegalStateException("no answer"));
            }
            callback.done(doneSync);
          });
    }
  }
}
