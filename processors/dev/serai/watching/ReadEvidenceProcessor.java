package dev.serai.watching;

import dev.serai.appraisal.AppraisalRequest;
import dev.serai.appraisal.ChallengeStanding;
import dev.serai.appraisal.DelegatedEvidence;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrSelection;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/**
 * Route step: body {@link VerifierCall} with evidence in the prototype's form in, body {@link
 * AppraisalRequest} out; or the node's id, with the evidence kept as {@link Gathering}, where the
 * quote is left to us to ask for. The nonce is used up here, before anybody looks at the rest.
 */
final class ReadEvidenceProcessor implements Processor {
  /** Exchange variable for the choice of the route: "nothing" or "quote". */
  static final String LACKS = "evidenceLacks";

  private static final int NONCE_TEXT = 2 * AppraisalRequest.NONCE_LENGTH;

  private final EvidenceNonces nonces;
  private final Supplier<Optional<PcrSelection>> selection;
  private final boolean on;

  /**
   * @param on whether unified identity is
   */
  ReadEvidenceProcessor(
      EvidenceNonces nonces, Supplier<Optional<PcrSelection>> selection, boolean on) {
    this.nonces = nonces;
    this.selection = selection;
    this.on = on;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    if (!on) {
      throw EvidenceAnswers.switchedOff();
    }
    VerifierCall call = exchange.getMessage().getMandatoryBody(VerifierCall.class);
    DelegatedEvidence evidence = EvidenceSubmission.read(call.body());
    ChallengeStanding standing =
        nonces.consume(nonce(evidence.nonce()), call.caller(), evidence.nodeId());
    exchange.setVariable(LACKS, evidence.lacksQuote() ? "quote" : "nothing");
    if (evidence.lacksQuote()) {
      standing
          .refusal()
          .ifPresent(
              code -> {
                throw EvidenceAnswers.refusedNonce(code); // nobody is asked for a spent one
              });
      exchange.setVariable(Gathering.VARIABLE, new Gathering(evidence, asked()));
      exchange.getMessage().setBody(evidence.nodeId());
      return;
    }
    try {
      exchange.getMessage().setBody(evidence.request(standing, asked()));
    } catch (MalformedStructureException e) {
      throw new RefusalException(
          ReasonCode.EVIDENCE_MALFORMED, e.getMessage(), e, EvidenceSubmission.malformed(e));
    }
  }

  private PcrSelection asked() {
    return selection
        .get()
        .orElseThrow(
            () ->
                new RefusalException(
                    ReasonCode.POLICY_MISSING, "serai.verifier.policy is not set"));
  }

  /** Ours are written in one way only; another spelling is a text that we did not give out. */
  private static Bytes nonce(String text) {
    if (text.length() == NONCE_TEXT && text.chars().allMatch(ReadEvidenceProcessor::isHex)) {
      return Bytes.ofHex(text);
    }
    String why = "no nonce of ours; ask for one at /verify/nonce";
    throw new RefusalException(
        ReasonCode.NONCE_UNKNOWN,
        why,
        null,
        EvidenceAnswers.refused(
            403, ReasonCode.NONCE_UNKNOWN, ReasonCode.NONCE_UNKNOWN + ": " + why));
  }

  private static boolean isHex(int c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  }
}
