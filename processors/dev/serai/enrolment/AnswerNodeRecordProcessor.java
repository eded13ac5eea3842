package dev.serai.enrolment;

import dev.serai.appraisal.AppraisalJson;
import dev.serai.appraisal.NodeRecord;
import dev.serai.keylime.HttpAnswer;
import dev.serai.tpm.Bytes;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link NodeRecord} in, body {@link HttpAnswer} out. */
final class AnswerNodeRecordProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    NodeRecord node = exchange.getMessage().getMandatoryBody(NodeRecord.class);
    Bytes json = Bytes.ofText(AppraisalJson.write(node));
    exchange.getMessage().setBody(new HttpAnswer(200, "application/json", json));
  }
}
