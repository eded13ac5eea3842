package dev.serai.appraisal;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.serai.keylime.AgentId;
import dev.serai.keylime.QuoteString;
import dev.serai.location.LocationDocument;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A SovereignAttestation taken apart. Everything in it is a claim.
 *
 * @param nodeId who the sender says it is
 * @param nonce what the sender says it answers
 * @param appKeyInfo the App Key's SubjectPublicKeyInfo in DER, from its PEM form
 * @param eventLog as sent, may be empty
 * @param imaLog as sent, may be empty
 * @param location where the sender says it is
 */
record ClaimedEvidence(
    String nodeId,
    Bytes nonce,
    SignedStatement quote,
    Bytes pcrBlob,
    SignedStatement certify,
    Bytes certifyNonce,
    TpmtPublic appKey,
    Bytes appKeyInfo,
    Bytes eventLog,
    Bytes imaLog,
    Optional<LocationDocument> location) {
  /** Logs of a machine that ran for months, and then some. */
  static final int MAX_SIZE = 64 * 1024 * 1024;

  private static final int MAX_CERTIFY_JSON = 8 * 1024;
  private static final int MAX_PEM = 4 * 1024;
  private static final Pattern PEM =
      Pattern.compile(
          "\\s*+-----BEGIN PUBLIC KEY-----\\s++([A-Za-z0-9+/=\\s]++)-----END PUBLIC KEY-----\\s*+");
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  static Check<ClaimedEvidence> parse(Bytes attestation) {
    if (attestation.size() > MAX_SIZE) {
      return Check.failed(ReasonCode.EVIDENCE_MALFORMED, "%d bytes".formatted(attestation.size()));
    }
    SovereignAttestation message;
    try {
      message = SovereignAttestation.parseFrom(attestation.toArray());
    } catch (InvalidProtocolBufferException e) {
      return Check.failed(ReasonCode.EVIDENCE_MALFORMED, "not a SovereignAttestation");
    }
    String missing = missing(message);
    if (!missing.isEmpty()) {
      return Check.failed(ReasonCode.EVIDENCE_MISSING, missing);
    }
    if (message.getChallengeNonce().isEmpty()) {
      return Check.failed(ReasonCode.NONCE_MISSING, "challenge_nonce is empty");
    }
    Optional<LocationDocument> location;
    try {
      location = location(message.getLocation());
    } catch (MalformedStructureException e) {
      return Check.failed(ReasonCode.LOCATION_MALFORMED, e.getMessage());
    }
    try {
      return Check.passed(read(message, location));
    } catch (MalformedStructureException e) {
      return Check.failed(ReasonCode.EVIDENCE_MALFORMED, e.getMessage());
    }
  }

  private static String missing(SovereignAttestation message) {
    if (message.getKeylimeAgentUuid().isEmpty()) {
      return "keylime_agent_uuid";
    }
    if (message.getTpmSignedAttestation().isEmpty()) {
      return "tpm_signed_attestation";
    }
    if (message.getAppKeyPublic().isEmpty()) {
      return "app_key_public";
    }
    if (message.getAppKeyCertificate().isEmpty()) {
      return "app_key_certificate";
    }
    return message.getAppKeyTpmPublic().isEmpty() ? "app_key_tpm_public" : "";
  }

  private static Optional<LocationDocument> location(ByteString field)
      throws MalformedStructureException {
    return field.isEmpty() ? Optional.empty() : Optional.of(LocationDocument.parse(bytes(field)));
  }

  private static ClaimedEvidence read(
      SovereignAttestation message, Optional<LocationDocument> location)
      throws MalformedStructureException {
    if (AgentId.parse(message.getKeylimeAgentUuid()).isEmpty()) {
      throw new MalformedStructureException("keylime_agent_uuid", "not a node id");
    }
    QuoteString quote = QuoteString.parse(message.getTpmSignedAttestation());
    JsonNode certify = certify(message.getAppKeyCertificate());
    return new ClaimedEvidence(
        message.getKeylimeAgentUuid(),
        hex("challenge_nonce", message.getChallengeNonce()),
        new SignedStatement(quote.attest(), quote.signature()),
        quote.pcrBlob(),
        new SignedStatement(base64(certify, "certify_data"), base64(certify, "signature")),
        hex("app_key_certificate.challenge_nonce", text(certify, "challenge_nonce")),
        TpmtPublic.parse(bytes(message.getAppKeyTpmPublic())),
        pem(message.getAppKeyPublic()),
        bytes(message.getEventLog()),
        bytes(message.getImaLog()),
        location);
  }

  private static JsonNode certify(ByteString json) throws MalformedStructureException {
    if (json.size() > MAX_CERTIFY_JSON) {
      throw new MalformedStructureException(
          "app_key_certificate", "%d bytes".formatted(json.size()));
    }
    try {
      JsonNode parsed = JSON.readTree(json.toStringUtf8());
      if (!parsed.isObject()) {
        throw new MalformedStructureException("app_key_certificate", "not a JSON object");
      }
      return parsed;
    } catch (JsonProcessingException e) {
      throw new MalformedStructureException("app_key_certificate", "not JSON");
    }
  }

  /** The statement in a certificate of the App Key; nothing is verified. */
  static Bytes certifyData(Bytes appKeyCertificate) throws MalformedStructureException {
    return base64(certify(ByteString.copyFrom(appKeyCertificate.toArray())), "certify_data");
  }

  private static String text(JsonNode object, String field) throws MalformedStructureException {
    JsonNode value = object.path(field);
    if (!value.isTextual()) {
      throw new MalformedStructureException("app_key_certificate", field + " is not a text");
    }
    return value.textValue();
  }

  private static Bytes base64(JsonNode object, String field) throws MalformedStructureException {
    try {
      return Bytes.ofBase64(text(object, field));
    } catch (IllegalArgumentException e) {
      throw new MalformedStructureException("app_key_certificate", field + " is not base64");
    }
  }

  static Bytes hex(String field, String text) throws MalformedStructureException {
    if (text.length() > 2 * 64) {
      throw new MalformedStructureException(field, "%d characters".formatted(text.length()));
    }
    try {
      return Bytes.copyOf(HexFormat.of().parseHex(text));
    } catch (IllegalArgumentException e) {
      throw new MalformedStructureException(field, "not hex");
    }
  }

  static Bytes pem(String text) throws MalformedStructureException {
    Matcher matcher = PEM.matcher(text);
    if (text.length() > MAX_PEM || !matcher.matches()) {
      throw new MalformedStructureException("app_key_public", "not a PEM public key");
    }
    try {
      return Bytes.copyOf(Base64.getMimeDecoder().decode(matcher.group(1)));
    } catch (IllegalArgumentException e) {
      throw new MalformedStructureException("app_key_public", "not base64");
    }
  }

  private static Bytes bytes(ByteString bytes) {
    return Bytes.copyOf(bytes.toByteArray());
  }
}
