package dev.serai.tpm.spec;

import java.util.Optional;

/** Schemes of asymmetric keys, TPM_ALG_ID. Part 2, "TPMI_ALG_RSA_SCHEME", "TPMI_ALG_ECC_SCHEME". */
public enum TpmScheme {
  NULL(0x0010, false),
  RSASSA(0x0014, true),
  RSAES(0x0015, false),
  RSAPSS(0x0016, true),
  OAEP(0x0017, true),
  ECDSA(0x0018, true),
  ECDH(0x0019, true);

  private final int id;
  private final boolean withHash;

  TpmScheme(int id, boolean withHash) {
    this.id = id;
    this.withHash = withHash;
  }

  /** TPM_ALG_ID. */
  public int id() {
    return id;
  }

  /** The scheme's details are a hash algorithm; otherwise there are none. */
  public boolean withHash() {
    return withHash;
  }

  /** A scheme that makes signatures. */
  public boolean signs() {
    return this == RSASSA || this == RSAPSS || this == ECDSA;
  }

  public static Optional<TpmScheme> byId(int id) {
    for (TpmScheme scheme : values()) {
      if (scheme.id == id) {
        return Optional.of(scheme);
      }
    }
    return Optional.empty();
  }
}
