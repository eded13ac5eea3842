package dev.serai.issuing;

import dev.serai.appraisal.Rejected;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: a body that is not Trusted ends the flow with the verdict's first reason. */
final class RefuseVerdictProcessor implements Processor {
  private final Attestation attestation;
  private final IssuerEvents events;

  RefuseVerdictProcessor(Attestation attestation, IssuerEvents events) {
    this.attestation = attestation;
    this.events = events;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    Rejected verdict = exchange.getMessage().getMandatoryBody(Rejected.class);
    events.rejected(verdict);
    throw attestation.refusal(verdict);
  }
}
