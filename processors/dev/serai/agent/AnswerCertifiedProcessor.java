package dev.serai.agent;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import dev.serai.plugin.DelegatedCertificate;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body DelegatedCertificate in, HttpAnswer out. */
final class AnswerCertifiedProcessor implements Processor {
  private record Results(
      @JsonProperty("result") String result,
      @JsonProperty("app_key_certificate") String certificate,
      @JsonProperty("agent_uuid") String agent) {}

  @Override
  public void process(Exchange exchange) throws Exception {
    DelegatedCertificate made = exchange.getMessage().getMandatoryBody(DelegatedCertificate.class);
    exchange
        .getMessage()
        .setBody(
            HttpAnswer.of(
                Envelope.success(new Results("SUCCESS", made.encoded(), made.agentId()))));
  }
}
