package dev.serai.appraisal;

import dev.serai.tpm.wire.TpmtPublic;
import java.util.Objects;
import java.util.Optional;

/**
 * What the registrar knows of a node.
 *
 * @param ek the endorsement key, trusted at enrolment
 * @param ak the attestation key, proven to be in the EK's TPM when activated
 * @param host where its agent listens; empty when it was not said
 * @param port 0 when it was not said
 */
public record NodeRecord(
    String nodeId,
    TpmtPublic ek,
    TpmtPublic ak,
    Standing standing,
    String host,
    int port,
    Optional<String> mtlsCertificatePem) {

  /** How far a node has come. */
  public enum Standing {
    /** EK trusted, activation open. */
    REGISTERED,
    /** AK proven to be in the EK's TPM. */
    ACTIVATED,
    /** Its EK Name is banned. */
    BANNED
  }

  public NodeRecord {
    Objects.requireNonNull(nodeId);
    Objects.requireNonNull(ek);
    Objects.requireNonNull(ak);
    Objects.requireNonNull(standing);
    Objects.requireNonNull(host);
    Objects.requireNonNull(mtlsCertificatePem);
  }
}
