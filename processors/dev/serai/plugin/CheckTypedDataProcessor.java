package dev.serai.plugin;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.camel.TpmRequest;
import java.util.function.Supplier;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body PluginCall.SignData in, TpmRequest.Sign out, if it is of a type we sign. */
final class CheckTypedDataProcessor implements Processor {
  private final Supplier<HeldKey> key;

  CheckTypedDataProcessor(Supplier<HeldKey> key) {
    this.key = key;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    PluginCall.SignData call = exchange.getMessage().getMandatoryBody(PluginCall.SignData.class);
    HeldKey held = key.get();
    Bytes digest = TypedData.digest(call.data(), call.digest(), held.info());
    if (call.pss() && !held.isRsa()) {
      throw new RefusalException(
          ReasonCode.MALFORMED_REQUEST, "scheme: the App Key is no RSA key and signs ecdsa");
    }
    Tpm.SignScheme scheme =
        !held.isRsa()
            ? Tpm.SignScheme.ECDSA_SHA256
            : call.pss() ? Tpm.SignScheme.RSAPSS_SHA256 : Tpm.SignScheme.RSASSA_SHA256;
    exchange.getMessage().setBody(new TpmRequest.Sign(held.key(), scheme, digest));
  }
}
