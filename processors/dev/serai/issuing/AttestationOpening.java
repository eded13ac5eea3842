package dev.serai.issuing;

import dev.serai.keylime.AgentId;
import dev.serai.proto.spire.agent.v1.AgentX509SVIDParams;
import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RateLimits;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/** Reads the messages of an AttestAgent stream and says what each one is. */
final class AttestationOpening {
  static final String JOIN_TOKEN = "join_token";
  static final String UNIFIED_IDENTITY = "unified_identity";

  /** Of a role process that has lost its identity but not its key. */
  static final String SERAI_ROLE = "serai_role";

  private static final Set<String> TYPES = Set.of(JOIN_TOKEN, UNIFIED_IDENTITY, SERAI_ROLE);

  private static final int MAX_PAYLOAD = 1_024;

  private final Signatures signatures;
  private final RateLimits limits;
  private final boolean unifiedIdentity;

  /**
   * @param unifiedIdentity whether nodes may attest with their TPM
   */
  AttestationOpening(Signatures signatures, RateLimits limits, boolean unifiedIdentity) {
    this.signatures = signatures;
    this.limits = limits;
    this.unifiedIdentity = unifiedIdentity;
  }

  /** What the route does next. */
  enum Step {
    /** A join token was shown. */
    JOIN_TOKEN,
    /** A node wants a challenge. */
    CHALLENGE,
    /** A challenge was answered. */
    EVIDENCE,
    /** A challenge was answered by a role process. */
    ROLE_PROOF
  }

  /**
   * @throws RefusalException when the message is not lawful here
   */
  Step read(Caller caller, AttestAgentRequest request, Map<String, Object> attributes) {
    if (request.hasChallengeResponse()) {
      return AttestationConversation.of(attributes)
          .filter(open -> open.answered().compareAndSet(false, true))
          .map(open -> open.attestationType().equals(SERAI_ROLE) ? Step.ROLE_PROOF : Step.EVIDENCE)
          .orElseThrow(() -> malformed("malformed param: no challenge is open"));
    }
    if (!request.hasParams()) {
      throw malformed("malformed param: missing params");
    }
    limits.take(caller.origin(), 1);
    if (AttestationConversation.of(attributes).isPresent()) {
      throw malformed("malformed param: params were sent before");
    }
    AttestationConversation opened = open(request.getParams());
    opened.keepIn(attributes);
    return opened.attestationType().equals(JOIN_TOKEN) ? Step.JOIN_TOKEN : Step.CHALLENGE;
  }

  private AttestationConversation open(AttestAgentRequest.Params params) {
    if (!params.hasData()) {
      throw malformed("malformed param: missing attestation data");
    }
    if (!params.hasParams()) {
      throw malformed("malformed param: missing X509-SVID parameters");
    }
    String type = params.getData().getType();
    if (type.isEmpty()) {
      throw malformed("malformed param: missing attestation data type");
    }
    if (params.getData().getPayload().isEmpty()) {
      throw malformed("malformed param: missing attestation data payload");
    }
    if (params.getData().getPayload().size() > MAX_PAYLOAD) {
      throw malformed("malformed param: attestation data payload is too long");
    }
    if (type.equals(UNIFIED_IDENTITY) && !unifiedIdentity) {
      throw new RefusalException(
          ReasonCode.FEATURE_OFF, "this issuer admits agents by join token only");
    }
    if (!TYPES.contains(type)) {
      throw new RefusalException(
          ReasonCode.ATTESTOR_UNKNOWN,
          "error getting node attestor: could not find node attestor type \""
              + (type.length() > 64 ? type.substring(0, 64) : type)
              + "\"");
    }
    Bytes csr = csr(params.getParams());
    return new AttestationConversation(
        UUID.randomUUID().toString(),
        type,
        name(type, params),
        csr,
        request(csr),
        new AtomicBoolean(),
        new AtomicLong(),
        new AtomicReference<>(Bytes.EMPTY));
  }

  /**
   * What the agent says it is. The prototype's payload is a fixed word; its agents name themselves
   * in sovereign_attestation, of which nothing else is looked at: it answers no challenge.
   */
  private static String name(String type, AttestAgentRequest.Params params) {
    String payload = params.getData().getPayload().toStringUtf8();
    if (!type.equals(UNIFIED_IDENTITY) || !payload.equals(UNIFIED_IDENTITY)) {
      return payload;
    }
    String named = params.getParams().getSovereignAttestation().getKeylimeAgentUuid();
    return AgentId.parse(named)
        .map(AgentId::text)
        .orElseThrow(() -> malformed("malformed param: neither payload nor evidence names a node"));
  }

  private static Bytes csr(AgentX509SVIDParams params) {
    if (params.getCsr().isEmpty()) {
      throw malformed("malformed param: missing CSR");
    }
    return Bytes.copyOf(params.getCsr().toByteArray());
  }

  /** The CSR of an agent; unlike SPIRE we want it signed by its own key. */
  CertificateRequest request(AgentX509SVIDParams params) {
    return request(csr(params));
  }

  private CertificateRequest request(Bytes csr) {
    CertificateRequest request;
    try {
      request = CertificateRequest.parse(csr);
    } catch (MalformedDerException e) {
      throw malformed("failed to parse CSR: " + e.getMessage());
    }
    if (!request.isSignedByItsKey(signatures)) {
      throw malformed("invalid CSR signature");
    }
    return request;
  }

  private static RefusalException malformed(String detail) {
    return new RefusalException(ReasonCode.MALFORMED_REQUEST, detail);
  }
}
