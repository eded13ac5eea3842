package dev.serai.issuing;

import dev.serai.tpm.Bytes;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * What one AttestAgent stream has said so far; lives in the call's attributes.
 *
 * @param claimedNodeId what the agent says it is; decides nothing
 * @param answered set by the first answer: there is no second one
 * @param rejectionsSeen of the node, when its evidence went to the verifier
 * @param evidence as it came, once it has
 */
record AttestationConversation(
    String streamId,
    String attestationType,
    String claimedNodeId,
    Bytes csr,
    CertificateRequest request,
    AtomicBoolean answered,
    AtomicLong rejectionsSeen,
    AtomicReference<Bytes> evidence) {

  private static final String ATTRIBUTE = "attestation";

  static Optional<AttestationConversation> of(Map<String, Object> attributes) {
    return Optional.ofNullable((AttestationConversation) attributes.get(ATTRIBUTE));
  }

  void keepIn(Map<String, Object> attributes) {
    attributes.put(ATTRIBUTE, this);
  }
}
