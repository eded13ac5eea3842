package dev.serai.agent;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import dev.serai.plugin.DelegatedCertificate;
import dev.serai.reason.Reason;
import dev.serai.reason.Refused;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body DelegatedCertificate in, HttpAnswer out. */
final class AnswerCertifiedProcessor implements Processor {
  private record Results(
      @JsonProperty("result") String result,
      @JsonProperty("app_key_certificate") String certificate,
      @JsonProperty("agent_uuid") String agent) {}

  private record Failure(
      @JsonProperty("result") String result,
      @JsonProperty("error") String error,
      @JsonProperty("reason") String reason) {}

  /** The prototype's client looks for the error in the results. */
  static HttpAnswer refusal(Refused refused) {
    Reason reason = refused.reason();
    String text = reason.code() + ": " + reason.detail();
    return HttpAnswer.of(
        new Envelope<>(
            reason.code().kind().httpStatus(),
            text,
            new Failure("ERROR", text, reason.code().name())));
  }

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
