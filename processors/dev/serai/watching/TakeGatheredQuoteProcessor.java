package dev.serai.watching;

import static java.util.Objects.requireNonNull;

import dev.serai.location.LocationRule;
import java.util.Optional;
import java.util.function.Function;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: body {@link FetchOutcome} in, body {@link QuoteRequest} out; the quote is kept. Says
 * whether the agent is to be asked where it is: only where a rule looks at that.
 */
final class TakeGatheredQuoteProcessor implements Processor {
  /** Exchange variable for the choice of the route: "location" or "nothing". */
  static final String NEXT = "gatheringAsks";

  private final Function<QuoteRequest, Optional<LocationRule>> rule;

  TakeGatheredQuoteProcessor(Function<QuoteRequest, Optional<LocationRule>> rule) {
    this.rule = rule;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    FetchOutcome outcome = exchange.getMessage().getMandatoryBody(FetchOutcome.class);
    Gathering gathering =
        requireNonNull(
            exchange.getVariable(Gathering.VARIABLE, Gathering.class), Gathering.VARIABLE);
    QuoteRequest request =
        requireNonNull(
            exchange.getVariable(MakeQuoteRequestProcessor.REQUEST, QuoteRequest.class),
            MakeQuoteRequestProcessor.REQUEST);
    if (!(outcome instanceof FetchOutcome.Answered answered)) {
      throw EvidenceAnswers.notRetrieved(((FetchOutcome.Unanswered) outcome).reason());
    }
    boolean asks =
        gathering.first().isEmpty()
            && gathering.coversLocation()
            && rule.apply(request)
                .filter(found -> found.need() != LocationRule.Need.FORBIDDEN)
                .isPresent();
    exchange.setVariable(NEXT, asks ? "location" : "nothing");
    exchange.setVariable(Gathering.VARIABLE, gathering.withQuote(answered.results().quote()));
    exchange.getMessage().setBody(request);
  }
}
