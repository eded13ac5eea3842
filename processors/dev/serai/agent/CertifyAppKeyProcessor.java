package dev.serai.agent;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.spec.TpmHash;
import java.security.MessageDigest;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: the AK certifies the App Key for this challenge and this CSR; body Attestation in and
 * out. Qualifying data: SHA-256 of nonce, SHA-256 of the key's SPKI, SHA-256 of the CSR.
 */
final class CertifyAppKeyProcessor implements Processor {
  private final Tpm tpm;
  private final AgentSelf self;

  CertifyAppKeyProcessor(Tpm tpm, AgentSelf self) {
    this.tpm = tpm;
    this.self = self;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    Attestation attestation = exchange.getMessage().getMandatoryBody(Attestation.class);
    AppKey key = attestation.appKey();
    byte[] spki = key.publicArea().publicKey().getEncoded();
    Bytes qualifying =
        sha256(
            attestation.nonce(), sha256(Bytes.copyOf(spki)), sha256(attestation.csr()));
    exchange
        .getMessage()
        .setBody(
            attestation.withCertify(
                tpm.certify(key.key(), self.identity().akKind(), qualifying)));
  }

  private static Bytes sha256(Bytes... parts) {
    MessageDigest digest = TpmHash.SHA256.newDigest();
    for (Bytes part : parts) {
      part.writeTo(digest);
    }
    return Bytes.copyOf(digest.digest());
  }
}
