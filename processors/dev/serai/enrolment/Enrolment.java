package dev.serai.enrolment;

import dev.serai.keylime.AgentId;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.CredentialBlob;
import dev.serai.tpm.wire.TpmtPublic;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.Optional;

/** The stages of one enrolment; each is made from the one before it. */
final class Enrolment {
  private Enrolment() {}

  /**
   * Where the agent says it listens.
   *
   * @param mtlsCertificate PEM, or "disabled"
   */
  record Contact(Optional<String> ip, Optional<Integer> port, Optional<String> mtlsCertificate) {}

  /** Well-formed, and nothing more. */
  record Claimed(
      AgentId node, TpmtPublic ek, EkCertificates certificates, TpmtPublic ak, Contact contact) {

    /** SHA-256 of the EK's SubjectPublicKeyInfo, hex. */
    String ekKey() {
      return Enrolment.ekKey(ek);
    }
  }

  /** The endorsement key is that of a TPM, the attestation key looks like one. */
  record Trusted(Claimed claim, EkTrustBasis basis) {}

  /**
   * With a secret that only the TPM with both keys can open.
   *
   * @param secret 32 alphanumeric characters; not to be logged
   */
  record Challenged(Trusted enrolment, Bytes secret, CredentialBlob blob, Instant expiresAt) {
    @Override
    public String toString() {
      return "Challenged[" + enrolment.claim().node() + "]";
    }
  }

  /** An answer to a challenge, as received. */
  record Answered(AgentId node, String authTag) {}

  static String ekKey(TpmtPublic ek) {
    try {
      return Bytes.copyOf(MessageDigest.getInstance("SHA-256").digest(ek.publicKey().getEncoded()))
          .toHex();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java has no SHA-256", e);
    }
  }
}
