package dev.serai.tpm.spec;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Optional;

/** Hash algorithms, TPM_ALG_ID. Part 2, "TPM_ALG_ID". */
public enum TpmHash {
  SHA1(0x0004, "sha1", "SHA-1", 20),
  SHA256(0x000b, "sha256", "SHA-256", 32),
  SHA384(0x000c, "sha384", "SHA-384", 48),
  SHA512(0x000d, "sha512", "SHA-512", 64);

  private final int id;
  private final String bankName;
  private final String jcaName;
  private final int digestLength;

  TpmHash(int id, String bankName, String jcaName, int digestLength) {
    this.id = id;
    this.bankName = bankName;
    this.jcaName = jcaName;
    this.digestLength = digestLength;
  }

  /** TPM_ALG_ID. */
  public int id() {
    return id;
  }

  /** The name of the PCR bank, as tpm2-tools and Keylime write it. */
  public String bankName() {
    return bankName;
  }

  /** Length of a digest in bytes. */
  public int digestLength() {
    return digestLength;
  }

  public MessageDigest newDigest() {
    try {
      return MessageDigest.getInstance(jcaName);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java has no " + jcaName, e);
    }
  }

  public static Optional<TpmHash> byId(int id) {
    for (TpmHash hash : values()) {
      if (hash.id == id) {
        return Optional.of(hash);
      }
    }
    return Optional.empty();
  }

  public static Optional<TpmHash> byBankName(String name) {
    for (TpmHash hash : values()) {
      if (hash.bankName.equals(name)) {
        return Optional.of(hash);
      }
    }
    return Optional.empty();
  }
}
