package dev.serai.enrolment;

import dev.serai.appraisal.NodeRecord;
import dev.serai.keylime.AgentId;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body node id in, body {@link NodeRecord} out. */
final class LookupNodeProcessor implements Processor {
  private final EnrolmentStore store;

  LookupNodeProcessor(EnrolmentStore store) {
    this.store = store;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    String text = exchange.getMessage().getMandatoryBody(String.class);
    NodeRecord record =
        AgentId.parse(text)
            .flatMap(store::find)
            .map(NodeRecords::of)
            .orElseThrow(
                () -> new RefusalException(ReasonCode.NODE_UNKNOWN, "no such node is enrolled"));
    exchange.getMessage().setBody(record);
  }
}
