package dev.serai.agent;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.keylime.KeylimeJson;
import dev.serai.plugin.DelegationRequest;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body AgentApiCall.CertifyAppKey in, DelegationRequest out. */
final class ReadCertifyRequestProcessor implements Processor {
  private static final int MAX_BODY = 16 * 1024;
  private static final String COMMAND = "certify_app_key";

  /** As the prototype's plugin sends it; its app_key_context_path is not even read. */
  private record Body(
      @JsonProperty("command") Optional<String> command,
      @JsonProperty("app_key_public") Optional<String> key,
      @JsonProperty("challenge_nonce") Optional<String> nonce) {}

  @Override
  public void process(Exchange exchange) throws Exception {
    AgentApiCall.CertifyAppKey call =
        exchange.getMessage().getMandatoryBody(AgentApiCall.CertifyAppKey.class);
    exchange.getMessage().setBody(read(call.body()));
  }

  static DelegationRequest read(Bytes json) {
    if (json.size() > MAX_BODY) {
      throw new RefusalException(
          ReasonCode.REQUEST_TOO_LARGE, "%d bytes, at most %d".formatted(json.size(), MAX_BODY));
    }
    Body body;
    try {
      body = KeylimeJson.read(json, MAX_BODY, Body.class);
    } catch (MalformedStructureException e) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, e.getMessage(), e);
    }
    if (!body.command().orElse(COMMAND).equals(COMMAND)) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, "command has to be " + COMMAND);
    }
    return DelegationRequest.of(body.key().orElse(""), body.nonce().orElse(""));
  }
}
