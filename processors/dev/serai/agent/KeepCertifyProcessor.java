package dev.serai.agent;

import static java.util.Objects.requireNonNull;

import dev.serai.tpm.Tpm;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: adds the AK's statement to the attestation; body Tpm.Attested in, Attestation out.
 */
final class KeepCertifyProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws Exception {
    Tpm.Attested certified = exchange.getMessage().getMandatoryBody(Tpm.Attested.class);
    Attestation attestation =
        requireNonNull(
            exchange.getVariable(Attestation.VARIABLE, Attestation.class), Attestation.VARIABLE);
    exchange.getMessage().setBody(attestation.withCertify(certified));
  }
}
