package dev.serai.watching;

import dev.serai.appraisal.AppraisalJson;
import dev.serai.appraisal.Verdict;
import dev.serai.keylime.HttpAnswer;
import dev.serai.tpm.Bytes;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link Verdict} in, body {@link HttpAnswer} out. */
final class AnswerVerdictProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    Verdict verdict = exchange.getMessage().getMandatoryBody(Verdict.class);
    Bytes json = Bytes.ofText(AppraisalJson.write(verdict));
    exchange.getMessage().setBody(new HttpAnswer(200, "application/json", json));
  }
}
