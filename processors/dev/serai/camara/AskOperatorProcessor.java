package dev.serai.camara;

import dev.serai.breaker.BreakerPolicy;
import dev.serai.deadline.Deadline;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.support.AsyncProcessorSupport;

/**
 * Route step: body {@link OperatorQuestion} in, body {@link OperatorAnswer} out. The question goes
 * on when this caller has no more time, for others who ask the same and for the next one.
 */
final class AskOperatorProcessor extends AsyncProcessorSupport {
  /** A token and a verification, and a second try with a new token. */
  private static final int CALLS = 3;

  private final OperatorClient client;
  private final KeptAnswers answers;
  private final OperatorMeters meters;
  private final Duration longest;
  private final Executor workers;

  AskOperatorProcessor(
      OperatorClient client,
      KeptAnswers answers,
      OperatorMeters meters,
      Duration timeout,
      Executor workers) {
    this.client = client;
    this.answers = answers;
    this.meters = meters;
    this.longest = timeout.multipliedBy(CALLS);
    this.workers = workers;
  }

  @Override
  public boolean process(Exchange exchange, AsyncCallback callback) {
    OperatorQuestion question;
    Duration patience;
    try {
      question = exchange.getMessage().getMandatoryBody(OperatorQuestion.class);
      patience = Deadline.within(exchange, longest);
    } catch (RefusalException | InvalidPayloadException e) {
      exchange.setException(e);
      callback.done(true);
      return true;
    }
    KeptAnswers.Joined joined = answers.ask(question, () -> client.ask(question));
    meters.question(joined.underWay() ? "joined" : "asked");
    var unused =
        joined
            .answer()
            .copy()
            .orTimeout(patience.toMillis(), TimeUnit.MILLISECONDS)
            .whenCompleteAsync(
                (answer, failure) -> {
                  if (failure == null) {
                    BreakerPolicy.answered(exchange);
                    exchange.getMessage().setBody(answer);
                  } else {
                    exchange.setException(refusal(exchange, failure, patience));
                  }
                  callback.done(false);
                },
                workers);
    return false;
  }

  private RefusalException refusal(Exchange exchange, Throwable failure, Duration patience) {
    if (OperatorFailures.isAnswer(failure)) {
      BreakerPolicy.answered(exchange);
    }
    if (OperatorFailures.isTimeout(failure) && patience.compareTo(longest) < 0) {
      return new RefusalException(
          ReasonCode.DEADLINE_EXCEEDED,
          "the operator did not answer in what was left of the caller's time");
    }
    return OperatorFailures.silence(failure);
  }
}
