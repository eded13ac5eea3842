package dev.serai.appraisal;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.PcrSelection;
import java.util.Objects;
import java.util.Optional;

/**
 * Evidence to be judged and what was asked for.
 *
 * @param attestation SovereignAttestation as received
 * @param csr PKCS#10 in DER
 * @param standing of the nonce that the evidence names
 * @param nonce the issuer's own; empty unless the standing is FRESH
 * @param selection the PCRs the challenge asked for
 * @param form how the parts are bound together; never read from a wire
 * @param located how PCR 15 came to hold the evidence's location; of the delegated form only
 */
public record AppraisalRequest(
    Bytes attestation,
    Bytes csr,
    ChallengeStanding standing,
    Bytes nonce,
    PcrSelection selection,
    EvidenceForm form,
    Optional<PcrExtend> located) {
  /** Length of our nonces in bytes. */
  public static final int NONCE_LENGTH = 32;

  public AppraisalRequest {
    Objects.requireNonNull(attestation);
    Objects.requireNonNull(csr);
    Objects.requireNonNull(selection);
    Objects.requireNonNull(form);
    Objects.requireNonNull(located);
    if (standing == ChallengeStanding.FRESH && nonce.size() != NONCE_LENGTH) {
      throw new IllegalArgumentException("a nonce of %d bytes".formatted(nonce.size()));
    }
  }

  /** Without a location in a PCR. */
  public AppraisalRequest(
      Bytes attestation,
      Bytes csr,
      ChallengeStanding standing,
      Bytes nonce,
      PcrSelection selection,
      EvidenceForm form) {
    this(attestation, csr, standing, nonce, selection, form, Optional.empty());
  }

  /** Of an agent of Serai. */
  public AppraisalRequest(
      Bytes attestation,
      Bytes csr,
      ChallengeStanding standing,
      Bytes nonce,
      PcrSelection selection) {
    this(attestation, csr, standing, nonce, selection, EvidenceForm.NATIVE);
  }
}
