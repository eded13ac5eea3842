package dev.serai.camara;

import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link OperatorQuestion} in; {@link OperatorAnswer} out if one is kept. */
final class RecallOperatorAnswerProcessor implements Processor {
  private final KeptAnswers answers;

  RecallOperatorAnswerProcessor(KeptAnswers answers) {
    this.answers = answers;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    OperatorQuestion question = exchange.getMessage().getMandatoryBody(OperatorQuestion.class);
    Optional<OperatorAnswer> kept = answers.find(question);
    kept.ifPresent(answer -> exchange.getMessage().setBody(answer));
  }
}
