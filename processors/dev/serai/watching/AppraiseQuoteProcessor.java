package dev.serai.watching;

import static java.util.Objects.requireNonNull;

import dev.serai.appraisal.BaselineStore;
import dev.serai.appraisal.KeylimeQuoteAppraiser;
import dev.serai.appraisal.NodeRecord;
import dev.serai.appraisal.Verdict;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/**
 * Route step: body {@link FetchOutcome} in, body {@link Verdict} out; an unanswered question stays
 * what it is, unless the node's record alone is reason to reject.
 */
final class AppraiseQuoteProcessor implements Processor {
  private final QuoteJudge judge;
  private final BaselineStore baselines;

  AppraiseQuoteProcessor(KeylimeQuoteAppraiser appraiser, BaselineStore baselines) {
    this.judge = new QuoteJudge(appraiser);
    this.baselines = baselines;
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
          .setBody(judge.judge(request, answered.results(), baselines.load(node.nodeId())));
    } else if (node.standing() != NodeRecord.Standing.ACTIVATED) {
      exchange.getMessage().setBody(judge.judgeRecord(request));
    }
  }
}
