package dev.serai.agent;

import dev.serai.keylime.AgentId;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.List;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: opens the TPM and reads EK, EK certificates and AK; body TpmIdentity out. */
final class ReadTpmIdentityProcessor implements Processor {
  private final Tpm tpm;
  private final AgentSettings settings;

  ReadTpmIdentityProcessor(Tpm tpm, AgentSettings settings) {
    this.tpm = tpm;
    this.settings = settings;
  }

  @Override
  public void process(Exchange exchange) {
    exchange.getMessage().setBody(read());
  }

  private TpmIdentity read() {
    tpm.clock(); // what is asked below may be known from before: does the TPM answer now?
    KeyRef.Endorsement kind = KeyRef.Endorsement.RSA_2048;
    List<Bytes> certificates = List.of();
    if (settings.ek() != AgentSettings.EkChoice.RSA_2048) {
      certificates = tpm.endorsementCertificates(KeyRef.Endorsement.ECC_P256);
      if (!certificates.isEmpty() || settings.ek() == AgentSettings.EkChoice.ECC_P256) {
        kind = KeyRef.Endorsement.ECC_P256;
      }
    }
    if (kind == KeyRef.Endorsement.RSA_2048) {
      certificates = tpm.endorsementCertificates(kind);
    }
    TpmtPublic ek = tpm.publicArea(kind);
    TpmtPublic ak = tpm.publicArea(settings.ak());
    return new TpmIdentity(
        new AgentId(NodeIds.of(ek.name()).toString()), kind, ek, certificates, settings.ak(), ak);
  }
}
