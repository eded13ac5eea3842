package dev.serai.watching;

import dev.serai.appraisal.AppraisalJson;
import dev.serai.appraisal.AppraisalRequest;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.wire.MalformedStructureException;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link VerifierCall} of an issuer in, body {@link AppraisalRequest} out. */
final class ReadAppraisalProcessor implements Processor {
  private final boolean on;

  /**
   * @param on whether unified identity is
   */
  ReadAppraisalProcessor(boolean on) {
    this.on = on;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    if (!on) {
      throw EvidenceAnswers.switchedOff();
    }
    VerifierCall call = exchange.getMessage().getMandatoryBody(VerifierCall.class);
    try {
      exchange.getMessage().setBody(AppraisalJson.readRequest(call.body().toText()));
    } catch (MalformedStructureException e) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, e.getMessage(), e);
    }
  }
}
