package dev.serai.watching;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.appraisal.DelegatedEvidence;
import dev.serai.keylime.AgentId;
import dev.serai.keylime.HttpAnswer;
import dev.serai.keylime.KeylimeJson;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.Locale;
import java.util.Optional;

/**
 * The body of POST /v2.4/verify/evidence. Address, port, AK, EK and certificate of the agent that a
 * caller may name are not even read: they are the registrar's to say.
 *
 * @param type "tpm"
 */
record EvidenceSubmission(
    @JsonProperty("type") Optional<String> type,
    @JsonProperty("data") Optional<Data> data,
    @JsonProperty("metadata") Optional<Metadata> metadata) {
  /** Quote, certify and key of a real node come to 12 KiB. */
  static final int MAX_SIZE = 128 * 1024;

  private static final int MAX_CERTIFICATE = 8 * 1024;
  private static final int MAX_CSR = 16 * 1024;
  private static final int MAX_PUBLIC = 1026;

  /** What is judged. */
  record Data(
      @JsonProperty("nonce") Optional<String> nonce,
      @JsonProperty("quote") Optional<String> quote,
      @JsonProperty("app_key_public") Optional<String> appKeyPublic,
      @JsonProperty("app_key_certificate") Optional<String> appKeyCertificate,
      @JsonProperty("app_key_tpm_public") Optional<String> appKeyTpmPublic,
      @JsonProperty("csr") Optional<String> csr,
      @JsonProperty("agent_uuid") Optional<String> agentUuid) {
    /** Not the content. */
    @Override
    public String toString() {
      return "Data[" + agentUuid.orElse("") + "]";
    }
  }

  /** What the caller says of its call. */
  record Metadata(@JsonProperty("submission_type") Optional<String> submissionType) {}

  /**
   * @throws RefusalException with the prototype's status and text, naming the first thing wrong
   */
  static DelegatedEvidence read(Bytes body) {
    if (body.size() > MAX_SIZE) {
      throw refusal(
          413, ReasonCode.REQUEST_TOO_LARGE, "evidence of %d bytes".formatted(body.size()));
    }
    EvidenceSubmission submission;
    try {
      submission = KeylimeJson.read(body, MAX_SIZE, EvidenceSubmission.class);
    } catch (MalformedStructureException e) {
      throw refusal(400, ReasonCode.MALFORMED_REQUEST, e.getMessage());
    }
    if (!submission.isOfAppKey()) {
      throw refusal(400, ReasonCode.MALFORMED_REQUEST, "invalid evidence type");
    }
    Data data = submission.data().orElseThrow(() -> missing(ReasonCode.EVIDENCE_MISSING, "data"));
    String nonce = required(ReasonCode.NONCE_MISSING, "data.nonce", data.nonce());
    String key = required(ReasonCode.EVIDENCE_MISSING, "data.app_key_public", data.appKeyPublic());
    String certificate =
        required(ReasonCode.EVIDENCE_MISSING, "data.app_key_certificate", data.appKeyCertificate());
    String node = required(ReasonCode.EVIDENCE_MISSING, "data.agent_uuid", data.agentUuid());
    if (AgentId.parse(node).isEmpty()) {
      throw refusal(400, ReasonCode.MALFORMED_REQUEST, "data.agent_uuid is not a node id");
    }
    return new DelegatedEvidence(
        node,
        nonce,
        data.quote().filter(text -> !text.isBlank()).orElse(""), // the agent has it
        key,
        decoded("data.app_key_certificate", certificate, MAX_CERTIFICATE),
        optional("data.app_key_tpm_public", data.appKeyTpmPublic(), MAX_PUBLIC),
        optional("data.csr", data.csr(), MAX_CSR));
  }

  private boolean isOfAppKey() {
    String kind = metadata.flatMap(Metadata::submissionType).orElse("").toLowerCase(Locale.ROOT);
    return type.filter("tpm"::equals).isPresent()
        && (kind.contains("tpm-app-key") || kind.contains("por"));
  }

  private static String required(ReasonCode code, String field, Optional<String> value) {
    return value.filter(text -> !text.isBlank()).orElseThrow(() -> missing(code, field));
  }

  private static RefusalException missing(ReasonCode code, String field) {
    return refusal(400, code, "missing required field: " + field);
  }

  private static Optional<Bytes> optional(String field, Optional<String> text, int limit) {
    return text.filter(t -> !t.isBlank()).map(t -> decoded(field, t, limit));
  }

  private static Bytes decoded(String field, String text, int limit) {
    try {
      return KeylimeJson.base64(field, text, limit);
    } catch (MalformedStructureException e) {
      throw refusal(400, ReasonCode.EVIDENCE_MALFORMED, e.getMessage());
    }
  }

  /** The status is the prototype's, whatever kind the code is of. */
  private static RefusalException refusal(int status, ReasonCode code, String text) {
    return new RefusalException(code, text, null, EvidenceAnswers.refused(status, code, text));
  }

  /** What the prototype calls a quote that cannot be read. */
  static HttpAnswer malformed(MalformedStructureException e) {
    return EvidenceAnswers.refused(400, ReasonCode.EVIDENCE_MALFORMED, e.getMessage());
  }
}
