package dev.serai.tpm.camel;

import dev.serai.tpm.Tpm;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Function;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Message;

/** What can be written after {@code tpm:}, and the body it takes. */
enum TpmOperation {
  QUOTE("quote", TpmRequest.Quote.class),
  CERTIFY("certify", TpmRequest.Certify.class),
  ACTIVATE("activate", TpmRequest.Activate.class),
  RANDOM("random", TpmRequest.Random.class),
  PCR_READ("pcrread", TpmRequest.ReadPcrs.class),
  PCR_EXTEND("pcrextend", TpmRequest.ExtendPcr.class),
  SIGN("sign", TpmRequest.Sign.class),
  CREATE_KEY("createkey", TpmRequest.CreateKey.class),
  PUBLIC_AREA("publicarea", TpmRequest.PublicArea.class),
  EK_CERTIFICATES("ekcertificates", TpmRequest.EndorsementCertificates.class),
  NV_READ("nvread", TpmRequest.ReadNv.class),
  /** Any body; answers {@link dev.serai.tpm.TpmProperties}. */
  PROPERTIES("properties", Tpm::properties),
  /** Any body; answers {@link dev.serai.tpm.TpmClock}. */
  CLOCK("clock", Tpm::clock);

  private final String uriName;
  private final Action action;

  private interface Action {
    Object perform(Tpm tpm, Message message) throws InvalidPayloadException;
  }

  TpmOperation(String uriName, Class<? extends TpmRequest> request) {
    this.uriName = uriName;
    this.action = (tpm, message) -> message.getMandatoryBody(request).perform(tpm);
  }

  TpmOperation(String uriName, Function<Tpm, Object> question) {
    this.uriName = uriName;
    this.action = (tpm, message) -> question.apply(tpm);
  }

  static Optional<TpmOperation> byUriName(String name) {
    return Arrays.stream(values()).filter(known -> known.uriName.equals(name)).findFirst();
  }

  static String uriNames() {
    return String.join(", ", Arrays.stream(values()).map(known -> known.uriName).toList());
  }

  /** Asks the TPM what the message says. */
  Object perform(Tpm tpm, Message message) throws InvalidPayloadException {
    return action.perform(tpm, message);
  }
}
