package dev.serai.agent;

import dev.serai.keylime.AgentVersions;
import dev.serai.keylime.ApiVersion;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body HttpAnswer out, with the versions of the API. */
final class AnswerVersionProcessor implements Processor {
  @Override
  public void process(Exchange exchange) {
    exchange
        .getMessage()
        .setBody(
            HttpAnswer.of(
                Envelope.success(
                    new AgentVersions(
                        ApiVersion.CURRENT.toString(), Optional.of(ApiVersion.supportedTexts())))));
  }
}
