package dev.serai.tpm.spec;

import java.util.Optional;

/** Elliptic curves, TPM_ECC_CURVE. Part 2, "TPM_ECC_CURVE". */
public enum TpmEccCurve {
  P256(0x0003, "secp256r1", 32),
  P384(0x0004, "secp384r1", 48),
  P521(0x0005, "secp521r1", 66);

  private final int id;
  private final String jcaName;
  private final int coordinateLength;

  TpmEccCurve(int id, String jcaName, int coordinateLength) {
    this.id = id;
    this.jcaName = jcaName;
    this.coordinateLength = coordinateLength;
  }

  /** TPM_ECC_CURVE. */
  public int id() {
    return id;
  }

  /** The name that java.security.spec.ECGenParameterSpec takes. */
  public String jcaName() {
    return jcaName;
  }

  /** Length of a coordinate in bytes. */
  public int coordinateLength() {
    return coordinateLength;
  }

  public static Optional<TpmEccCurve> byId(int id) {
    for (TpmEccCurve curve : values()) {
      if (curve.id == id) {
        return Optional.of(curve);
      }
    }
    return Optional.empty();
  }
}
