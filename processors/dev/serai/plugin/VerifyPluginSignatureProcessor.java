package dev.serai.plugin;

import java.util.function.Supplier;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body PluginCall.VerifySignature in, HttpAnswer out. */
final class VerifyPluginSignatureProcessor implements Processor {
  private final Supplier<HeldKey> key;

  VerifyPluginSignatureProcessor(Supplier<HeldKey> key) {
    this.key = key;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    PluginCall.VerifySignature call =
        exchange.getMessage().getMandatoryBody(PluginCall.VerifySignature.class);
    exchange
        .getMessage()
        .setBody(
            SignatureCheck.isGood(key.get().publicArea().publicKey(), call)
                ? PluginAnswers.verified()
                : PluginAnswers.notVerified());
  }
}
