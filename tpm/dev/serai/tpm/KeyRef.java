package dev.serai.tpm;

/** A key by what it is, not by where the TPM holds it now. */
public sealed interface KeyRef {

  /** An endorsement key from the TCG templates (TCG EK Credential Profile, "Templates"). */
  enum Endorsement implements KeyRef {
    /** Template L-1. */
    RSA_2048,
    /** Template L-2. */
    ECC_P256
  }

  /**
   * A restricted signing key in the endorsement hierarchy with noDA, made from a fixed template:
   * the same TPM gives the same key again, also after its state directory was lost.
   */
  enum Attestation implements KeyRef {
    /** ECDSA P-256 with SHA-256, the default. */
    ECDSA_P256,
    /** RSASSA-PKCS1-v1_5 2048 with SHA-256, for Keylime peers. */
    RSASSA_2048
  }

  /** A key under the storage root: TPM2B_PUBLIC and TPM2B_PRIVATE, to be persisted by the owner. */
  record App(Bytes publicBlob, Bytes privateBlob) implements KeyRef {}
}
