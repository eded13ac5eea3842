package dev.serai.watching;

import dev.serai.role.Meters;
import dev.serai.role.TraceId;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.support.AsyncProcessorSupport;

/**
 * Route step: body {@link QuoteRequest} in, body {@link FetchOutcome} out. Holds no thread while
 * the agent thinks.
 */
final class FetchQuoteProcessor extends AsyncProcessorSupport {
  private final QuoteFetcher fetcher;
  private final Executor workers;
  private final MeterRegistry meters;

  FetchQuoteProcessor(QuoteFetcher fetcher, Executor workers, MeterRegistry meters) {
    this.fetcher = fetcher;
    this.workers = workers;
    this.meters = meters;
    timer(meters, true);
    timer(meters, false);
  }

  private static Timer timer(MeterRegistry meters, boolean answered) {
    return Meters.timer(
        meters,
        "serai.quote.fetch",
        "Time to get one quote from an agent, or none",
        "answered",
        Boolean.toString(answered));
  }

  @Override
  public boolean process(Exchange exchange, AsyncCallback callback) {
    QuoteRequest request = exchange.getMessage().getBody(QuoteRequest.class);
    if (request == null) {
      exchange.setException(new IllegalStateException("no quote request"));
      callback.done(true);
      return true;
    }
    Timer.Sample sample = Timer.start(meters);
    CompletableFuture<FetchOutcome> outcome;
    try {
      outcome = fetcher.fetch(request, TraceId.of(exchange));
    } catch (RuntimeException e) {
      outcome = CompletableFuture.failedFuture(e);
    }
    var unused =
        outcome.whenCompleteAsync(
            (found, failure) -> {
              if (failure != null) {
                exchange.setException(failure);
              } else {
                sample.stop(timer(meters, found instanceof FetchOutcome.Answered));
                exchange.getMessage().setBody(found);
              }
              callback.done(false);
            },
            workers); // the next steps judge and write: not on the network's threads
    return false;
  }
}
