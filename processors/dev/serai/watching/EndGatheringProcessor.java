package dev.serai.watching;

import static java.util.Objects.requireNonNull;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.wire.MalformedStructureException;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body AppraisalRequest out, of what was sent and what was asked for. */
final class EndGatheringProcessor implements Processor {
  @Override
  public void process(Exchange exchange) {
    Gathering gathering =
        requireNonNull(
            exchange.getVariable(Gathering.VARIABLE, Gathering.class), Gathering.VARIABLE);
    try {
      exchange.getMessage().setBody(gathering.request());
    } catch (MalformedStructureException e) {
      throw new RefusalException(
          ReasonCode.EVIDENCE_MALFORMED, e.getMessage(), e, EvidenceSubmission.malformed(e));
    }
  }
}
