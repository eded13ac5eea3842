package dev.serai.agent;

import dev.serai.appraisal.CertifyBinding;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.camel.TpmRequest;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: what the AK is to certify for this challenge and this CSR; body Attestation in,
 * TpmRequest.Certify out, the Attestation kept as a variable.
 */
final class AskCertifyProcessor implements Processor {
  private final AgentSelf self;

  AskCertifyProcessor(AgentSelf self) {
    this.self = self;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    Attestation attestation = exchange.getMessage().getMandatoryBody(Attestation.class);
    AppKey key = attestation.appKey();
    Bytes qualifying =
        CertifyBinding.qualifyingData(
            attestation.nonce(),
            Bytes.copyOf(key.publicArea().publicKey().getEncoded()),
            attestation.csr(),
            attestation.location());
    exchange.setVariable(Attestation.VARIABLE, attestation);
    exchange
        .getMessage()
        .setBody(new TpmRequest.Certify(key.key(), self.identity().akKind(), qualifying));
  }
}
