package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import java.security.PublicKey;

/** TPMT_PUBLIC with the bytes it came as. Part 2, "TPMT_PUBLIC". (wire helper completes this) */
public record TpmtPublic(Bytes encoded) {
  /** The Name: hash of the received bytes. */
  public TpmName name() {
    throw new IllegalStateException();
  }

  /** As a JCA key. */
  public PublicKey publicKey() {
    throw new IllegalStateException();
  }

  /** From TPM2B_PUBLIC (with size prefix); the whole input must be used. */
  public static TpmtPublic parseSized(Bytes tpm2bPublic) throws MalformedStructureException {
    throw new MalformedStructureException("TPM2B_PUBLIC", "");
  }

  /** From TPMT_PUBLIC (no size prefix). */
  public static TpmtPublic parse(Bytes tpmtPublic) throws MalformedStructureException {
    throw new MalformedStructureException("TPMT_PUBLIC", "");
  }

  /** TPM2B_PUBLIC. */
  public Bytes sized() {
    throw new IllegalStateException();
  }
}
