package dev.serai.watching;

import dev.serai.appraisal.Findings;
import dev.serai.appraisal.Rejected;
import dev.serai.appraisal.Trusted;
import dev.serai.http.RefusalForm;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import dev.serai.reason.Kind;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.camel.Exchange;

/**
 * Answers of POST /v2.4/verify/evidence: the prototype's, with nothing in them but what was seen.
 */
final class EvidenceAnswers {
  /** What makes the prototype say that the AK is not registered. */
  private static final Set<ReasonCode> NO_RECORD =
      EnumSet.of(ReasonCode.NODE_UNKNOWN, ReasonCode.NODE_NOT_ACTIVATED, ReasonCode.AK_MISMATCH);

  /** Refusals of the caller or the node rather than of its evidence. */
  private static final Set<ReasonCode> FORBIDDEN =
      EnumSet.of(
          ReasonCode.NODE_BANNED,
          ReasonCode.AK_ATTRIBUTES_WRONG,
          ReasonCode.POLICY_MISSING,
          ReasonCode.NONCE_UNKNOWN,
          ReasonCode.NONCE_USED,
          ReasonCode.NONCE_EXPIRED,
          ReasonCode.NONCE_FOREIGN);

  private EvidenceAnswers() {}

  /** From here on a failure of this exchange is answered in this interface's form. */
  static void formRefusalsOf(Exchange exchange) {
    RefusalForm form =
        refused ->
            refused.answerDetail().orElse(null) instanceof HttpAnswer own
                ? own
                : ofFailure(refused.reason());
    exchange.setVariable(RefusalForm.VARIABLE, form);
  }

  /** A flow that could not be finished: nothing was judged, and nothing is trusted. */
  private static HttpAnswer ofFailure(Reason reason) {
    if (NO_RECORD.contains(reason.code())) {
      return notRegistered(List.of(reason), Map.of(), Optional.empty());
    }
    Kind kind = reason.code().kind();
    String text =
        kind == Kind.INTERNAL
            ? "Internal Server Error: Failed to process attestation data"
            : reason.toString();
    return refused(kind.httpStatus(), reason.code(), text);
  }

  /** Where nodes do not attest with their TPM, nobody judges what they would. */
  static RefusalException switchedOff() {
    String why = "this verifier judges no evidence";
    return new RefusalException(
        ReasonCode.FEATURE_OFF,
        why,
        null,
        refused(403, ReasonCode.FEATURE_OFF, ReasonCode.FEATURE_OFF + ": " + why));
  }

  /** Nothing was judged. */
  static HttpAnswer refused(int status, ReasonCode code, String text) {
    Map<String, Object> results = new LinkedHashMap<>();
    results.put("verified", false);
    results.put("reason", code.name());
    return HttpAnswer.of(new Envelope<>(status, text, results));
  }

  /** The agent has no quote for a caller that sent none; the prototype's words. */
  static RefusalException notRetrieved(Reason why) {
    return new RefusalException(
        why.code(),
        why.detail(),
        null,
        refused(400, why.code(), "missing required field: data.quote (agent retrieval failed)"));
  }

  /** A nonce that is good for nothing any more. */
  static RefusalException refusedNonce(ReasonCode code) {
    return new RefusalException(
        code, code.what(), null, refused(403, code, code + ": " + code.what()));
  }

  static HttpAnswer trusted(
      Trusted verdict, Findings findings, Map<String, Object> claims, Instant at, String auditId) {
    Map<String, Object> results = new LinkedHashMap<>();
    results.put("verified", true);
    results.put("verification_details", details(findings, at, verdict.nodeId()));
    results.put("attested_claims", claims);
    results.put("audit_id", auditId);
    return HttpAnswer.of(Envelope.success(results));
  }

  static HttpAnswer rejected(Rejected verdict, Findings findings, Instant at, String auditId) {
    ReasonCode code = verdict.first().code();
    Map<String, Object> details = details(findings, at, verdict.nodeId());
    if (NO_RECORD.contains(code)) {
      return notRegistered(verdict.reasons(), details, Optional.of(auditId));
    }
    int status = FORBIDDEN.contains(code) ? 403 : 422;
    return HttpAnswer.of(
        new Envelope<>(
            status,
            verdict.first().toString(),
            failed(new LinkedHashMap<>(), verdict.reasons(), details, Optional.of(auditId))));
  }

  private static HttpAnswer notRegistered(
      List<Reason> reasons, Map<String, Object> details, Optional<String> auditId) {
    Map<String, Object> results = new LinkedHashMap<>();
    results.put("ak_registered", false);
    return HttpAnswer.of(
        new Envelope<>(403, reasons.get(0).toString(), failed(results, reasons, details, auditId)));
  }

  private static Map<String, Object> failed(
      Map<String, Object> results,
      List<Reason> reasons,
      Map<String, Object> details,
      Optional<String> auditId) {
    results.put("verified", false);
    results.put("reason", reasons.get(0).code().name());
    List<Map<String, String>> failures = new ArrayList<>();
    for (Reason reason : reasons) {
      Map<String, String> failure = new LinkedHashMap<>();
      failure.put("type", reason.code().name());
      failure.put("context", reason.detail());
      failures.add(failure);
    }
    results.put("failures", failures);
    if (!details.isEmpty()) {
      results.put("verification_details", details);
    }
    auditId.ifPresent(id -> results.put("audit_id", id));
    return results;
  }

  /** A flag that no step measured is left out. */
  private static Map<String, Object> details(Findings findings, Instant at, String nodeId) {
    Map<String, Object> details = new LinkedHashMap<>();
    findings.certificateValid().ifPresent(is -> details.put("app_key_certificate_valid", is));
    findings.keyMatches().ifPresent(is -> details.put("app_key_public_matches_cert", is));
    findings.quoteSignatureValid().ifPresent(is -> details.put("quote_signature_valid", is));
    findings.nonceValid().ifPresent(is -> details.put("nonce_valid", is));
    details.put("timestamp", at.getEpochSecond());
    details.put("agent_uuid", nodeId);
    return details;
  }
}
