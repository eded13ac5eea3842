package dev.serai.tpm.spec;

/** Single numbers of Part 2 that belong to no list of ours. */
public final class TpmConstants {
  /** TPM_GENERATED_VALUE: begins every structure that a TPM signed on its own account. */
  public static final long GENERATED_VALUE = 0xff544347L;

  /** TPM_ALG_NULL. */
  public static final int ALG_NULL = 0x0010;

  /** TPM_ALG_RSA as an object type. */
  public static final int ALG_RSA = 0x0001;

  /** TPM_ALG_ECC as an object type. */
  public static final int ALG_ECC = 0x0023;

  /** TPM_ALG_AES. */
  public static final int ALG_AES = 0x0006;

  /** TPM_ALG_CFB. */
  public static final int ALG_CFB = 0x0043;

  /** What an RSA exponent of 0 in TPMS_RSA_PARMS stands for. */
  public static final long DEFAULT_RSA_EXPONENT = 65537;

  /** TPM_RH_ENDORSEMENT, whose handle value is the Name of the endorsement hierarchy. */
  public static final long RH_ENDORSEMENT = 0x4000000bL;

  private TpmConstants() {}
}
