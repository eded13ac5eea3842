package dev.serai.watching;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.keylime.AgentId;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import dev.serai.keylime.KeylimeJson;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrSelection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/**
 * Route step: body {@link VerifierCall} that names a node in, body {@link HttpAnswer} with a nonce
 * for its evidence out, and with what its quote has to cover.
 */
final class GiveNonceProcessor implements Processor {
  private static final int MAX_SIZE = 4 * 1024;

  private final EvidenceNonces nonces;
  private final Supplier<Optional<PcrSelection>> selection;
  private final boolean on;

  /**
   * @param on whether unified identity is
   */
  GiveNonceProcessor(
      EvidenceNonces nonces, Supplier<Optional<PcrSelection>> selection, boolean on) {
    this.nonces = nonces;
    this.selection = selection;
    this.on = on;
  }

  private record Asked(@JsonProperty("agent_uuid") Optional<String> agentUuid) {}

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    if (!on) {
      throw EvidenceAnswers.switchedOff();
    }
    VerifierCall call = exchange.getMessage().getMandatoryBody(VerifierCall.class);
    AgentId node = node(call);
    PcrSelection pcrs =
        selection
            .get()
            .orElseThrow(
                () ->
                    new RefusalException(
                        ReasonCode.POLICY_MISSING, "serai.verifier.policy is not set"));
    TpmHash bank = pcrs.pcrs().keySet().iterator().next(); // a policy has one; see AppraisalBeans
    EvidenceNonces.Nonce nonce = nonces.give(call.caller(), node.text());
    Map<String, Object> results = new LinkedHashMap<>();
    results.put("nonce", nonce.value().toHex());
    results.put("agent_uuid", node.text());
    results.put("expires_at", nonce.expiresAt().getEpochSecond());
    results.put("hash_alg", bank.bankName());
    results.put("mask", "0x%x".formatted(pcrs.mask(bank)));
    exchange.getMessage().setBody(HttpAnswer.of(Envelope.success(results)));
  }

  private static AgentId node(VerifierCall call) {
    Optional<String> text;
    try {
      text = KeylimeJson.read(call.body(), MAX_SIZE, Asked.class).agentUuid();
    } catch (MalformedStructureException e) {
      throw malformed(e.getMessage());
    }
    return text.flatMap(AgentId::parse)
        .orElseThrow(() -> malformed("missing required field: agent_uuid"));
  }

  private static RefusalException malformed(String text) {
    return new RefusalException(
        ReasonCode.MALFORMED_REQUEST,
        text,
        null,
        EvidenceAnswers.refused(400, ReasonCode.MALFORMED_REQUEST, text));
  }
}
