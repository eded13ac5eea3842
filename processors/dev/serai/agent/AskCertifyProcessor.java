package dev.serai.agent;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.camel.TpmRequest;
import dev.serai.tpm.spec.TpmHash;
import java.security.MessageDigest;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: what the AK is to certify for this challenge and this CSR; body Attestation in,
 * TpmRequest.Certify out, the Attestation kept as a variable. Qualifying data: SHA-256 of nonce,
 * SHA-256 of the key's SPKI, SHA-256 of the CSR.
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
    byte[] spki = key.publicArea().publicKey().getEncoded();
    Bytes qualifying =
        sha256(attestation.nonce(), sha256(Bytes.copyOf(spki)), sha256(attestation.csr()));
    exchange.setVariable(Attestation.VARIABLE, attestation);
    exchange
        .getMessage()
        .setBody(new TpmRequest.Certify(key.key(), self.identity().akKind(), qualifying));
  }

  private static Bytes sha256(Bytes... parts) {
    MessageDigest digest = TpmHash.SHA256.newDigest();
    for (Bytes part : parts) {
      part.writeTo(digest);
    }
    return Bytes.copyOf(digest.digest());
  }
}
