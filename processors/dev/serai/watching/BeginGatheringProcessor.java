package dev.serai.watching;

import static java.util.Objects.requireNonNull;

import dev.serai.appraisal.NodeRecord;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: body {@link NodeRecord} in, body {@link QuoteRequest} with the nonce of the evidence
 * out. Where the agent listens is the registrar's to say; a node that may not attest is not asked.
 */
final class BeginGatheringProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws Exception {
    NodeRecord node = exchange.getMessage().getMandatoryBody(NodeRecord.class);
    Gathering gathering =
        requireNonNull(
            exchange.getVariable(Gathering.VARIABLE, Gathering.class), Gathering.VARIABLE);
    if (!node.nodeId().equals(gathering.evidence().nodeId())) {
      throw new RefusalException(ReasonCode.NODE_UNKNOWN, "the record is of another node");
    }
    if (node.standing() == NodeRecord.Standing.BANNED) {
      throw new RefusalException(ReasonCode.NODE_BANNED, node.nodeId());
    }
    if (node.standing() != NodeRecord.Standing.ACTIVATED) {
      throw new RefusalException(ReasonCode.NODE_NOT_ACTIVATED, node.nodeId());
    }
    QuoteRequest request = new QuoteRequest(node, gathering.evidence().nonce(), gathering.asked());
    exchange.setVariable(MakeQuoteRequestProcessor.REQUEST, request);
    exchange.getMessage().setBody(request);
  }
}
