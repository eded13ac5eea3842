package dev.serai.agent;

import dev.serai.keylime.GeolocationAnswer;
import dev.serai.keylime.HttpAnswer;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.spec.TpmHash;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body GeolocationAnswer in and out; PCR 15 holds it if it says so. */
final class ExtendLocationPcrProcessor implements Processor {
  private final Tpm tpm;

  ExtendLocationPcrProcessor(Tpm tpm) {
    this.tpm = tpm;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    GeolocationAnswer location = exchange.getMessage().getMandatoryBody(GeolocationAnswer.class);
    if (!location.attested()) {
      return;
    }
    try {
      tpm.extendPcr(GeolocationAnswer.PCR, TpmHash.SHA256, location.digest());
    } catch (TpmException e) {
      throw new RefusalException(
          ReasonCode.TPM_COMMAND_REFUSED,
          "PCR 15 was not extended: " + e.getMessage(),
          e,
          HttpAnswer.refusal(
              500,
              "Failed to extend PCR 15",
              ReasonCode.TPM_COMMAND_REFUSED.name(),
              String.valueOf(e.getMessage())));
    }
  }
}
