package dev.serai.watching;

import static java.util.Objects.requireNonNull;

import dev.serai.appraisal.BaselineStore;
import dev.serai.appraisal.KeylimeQuoteAppraiser;
import dev.serai.appraisal.NodeRecord;
import dev.serai.appraisal.Rejected;
import dev.serai.appraisal.Verdict;
import dev.serai.reason.Reason;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/**
 * Route step: body {@link FetchOutcome} in, body {@link Verdict} out; an unanswered question stays
 * what it is, unless the node's record alone is reason to reject.
 */
final class AppraiseQuoteProcessor implements Processor {
  private final QuoteJudge judge;
  private final KeylimeQuoteAppraiser appraiser;
  private final BaselineStore baselines;
  private final StoredLocations locations;
  private final InstantSource clock;

  AppraiseQuoteProcessor(
      KeylimeQuoteAppraiser appraiser,
      BaselineStore baselines,
      StoredLocations locations,
      InstantSource clock) {
    this.judge = new QuoteJudge(appraiser);
    this.appraiser = appraiser;
    this.baselines = baselines;
    this.locations = locations;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    FetchOutcome outcome = exchange.getMessage().getMandatoryBody(FetchOutcome.class);
    QuoteRequest request =
        requireNonNull(
            exchange.getVariable(MakeQuoteRequestProcessor.REQUEST, QuoteRequest.class),
            MakeQuoteRequestProcessor.REQUEST);
    NodeRecord node = request.node();
    if (outcome instanceof FetchOutcome.Answered answered) {
      exchange
          .getMessage()
          .setBody(
              located(
                  node, judge.judge(request, answered.results(), baselines.load(node.nodeId()))));
    } else if (node.standing() != NodeRecord.Standing.ACTIVATED) {
      exchange.getMessage().setBody(judge.judgeRecord(request));
    }
  }

  /** A quote says nothing of the place: that stands as the last attestation left it, for a time. */
  private Verdict located(NodeRecord node, Verdict verdict) {
    if (!verdict.isTrusted()) {
      return verdict;
    }
    Optional<Reason> lacking =
        appraiser
            .locationRule(node)
            .flatMap(rule -> locations.lacking(node.nodeId(), rule, clock.instant()));
    return lacking.isPresent() ? new Rejected(node.nodeId(), List.of(lacking.get())) : verdict;
  }
}
