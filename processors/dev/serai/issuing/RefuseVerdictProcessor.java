package dev.serai.issuing;

import dev.serai.appraisal.Rejected;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: a body that is not Trusted ends the flow with the verdict's first reason. */
final class RefuseVerdictProcessor implements Processor {
  private final Attestation attestation;

  RefuseVerdictProcessor(Attestation attestation) {
    this.attestation = attestation;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    throw attestation.refusal(exchange.getMessage().getMandatoryBody(Rejected.class));
  }
}
