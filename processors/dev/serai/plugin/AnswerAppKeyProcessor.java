package dev.serai.plugin;

import java.util.Base64;
import java.util.function.Supplier;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body HttpAnswer out, with the App Key's public part as PEM. */
final class AnswerAppKeyProcessor implements Processor {
  private final Supplier<HeldKey> key;

  AnswerAppKeyProcessor(Supplier<HeldKey> key) {
    this.key = key;
  }

  @Override
  public void process(Exchange exchange) {
    Base64.Encoder lines = Base64.getMimeEncoder(64, new byte[] {'\n'});
    exchange
        .getMessage()
        .setBody(
            PluginAnswers.appKey(
                "-----BEGIN PUBLIC KEY-----\n"
                    + lines.encodeToString(key.get().info().toArray())
                    + "\n-----END PUBLIC KEY-----\n"));
  }
}
