package dev.serai.enrolment;

import dev.serai.reason.ReasonCode;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link Enrolment.Claimed}; refuses keys that could sign a forged statement. */
final class CheckAttestationKeyProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    Enrolment.Claimed claim = exchange.getMessage().getMandatoryBody(Enrolment.Claimed.class);
    AttestationKeyRules.violation(claim.ak())
        .ifPresent(
            violation -> {
              throw RegistrarRefusals.enrolment(
                  ReasonCode.AK_ATTRIBUTES_WRONG, "attestation key: " + violation);
            });
  }
}
