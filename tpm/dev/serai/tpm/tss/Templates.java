package dev.serai.tpm.tss;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;

/**
 * Public areas that keys are made from, as TPM2B_PUBLIC. Fixed for ever: the Name of a primary key
 * follows from its template.
 */
final class Templates {
  private static final String RSA = "0001";
  private static final String ECC = "0023";
  private static final String SHA256 = "000b";
  private static final String NULL = "0010";
  private static final String AES128_CFB = "000600800043";
  private static final String NO_POLICY = "0000";
  private static final String RSA_2048 = "0800";
  private static final String EXPONENT_65537 = "00000000";
  private static final String P256 = "0003";

  /** PolicySecret(TPM_RH_ENDORSEMENT). TCG EK Credential Profile, "PolicyA". */
  private static final String POLICY_A =
      "0020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa";

  /** fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt. */
  private static final String ENDORSEMENT = "000300b2";

  /** fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign. */
  private static final String ATTESTATION = "00050472";

  /** fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, decrypt. */
  private static final String STORAGE = "00030472";

  /** fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, sign. */
  private static final String APP = "00040472";

  /** Storage root: ECC P-256, AES-128-CFB, empty unique. Never made persistent. */
  static final Bytes STORAGE_ROOT =
      sized(ECC + SHA256 + STORAGE + NO_POLICY + AES128_CFB + NULL + P256 + NULL + "00000000");

  private static final Bytes EK_RSA_2048 =
      sized(
          RSA
              + SHA256
              + ENDORSEMENT
              + POLICY_A
              + AES128_CFB
              + NULL
              + RSA_2048
              + EXPONENT_65537
              + "0100"
              + "00".repeat(256));

  private static final Bytes EK_ECC_P256 =
      sized(
          ECC
              + SHA256
              + ENDORSEMENT
              + POLICY_A
              + AES128_CFB
              + NULL
              + P256
              + NULL
              + ("0020" + "00".repeat(32)).repeat(2));

  private static final Bytes AK_ECDSA_P256 =
      sized(
          ECC
              + SHA256
              + ATTESTATION
              + NO_POLICY
              + NULL
              + ("0018" + SHA256)
              + P256
              + NULL
              + "00000000");

  private static final Bytes AK_RSASSA_2048 =
      sized(
          RSA
              + SHA256
              + ATTESTATION
              + NO_POLICY
              + NULL
              + ("0014" + SHA256)
              + RSA_2048
              + EXPONENT_65537
              + "0000");

  private static final Bytes APP_ECC_P256 =
      sized(ECC + SHA256 + APP + NO_POLICY + NULL + NULL + P256 + NULL + "00000000");

  private static final Bytes APP_RSA_2048 =
      sized(RSA + SHA256 + APP + NO_POLICY + NULL + NULL + RSA_2048 + EXPONENT_65537 + "0000");

  private Templates() {}

  static Bytes of(KeyRef.Endorsement key) {
    return switch (key) {
      case RSA_2048 -> EK_RSA_2048;
      case ECC_P256 -> EK_ECC_P256;
    };
  }

  static Bytes of(KeyRef.Attestation key) {
    return switch (key) {
      case ECDSA_P256 -> AK_ECDSA_P256;
      case RSASSA_2048 -> AK_RSASSA_2048;
    };
  }

  static Bytes of(Tpm.AppKeyType type) {
    return switch (type) {
      case ECC_P256 -> APP_ECC_P256;
      case RSA_2048 -> APP_RSA_2048;
    };
  }

  private static Bytes sized(String hex) {
    return Bytes.ofHex("%04x%s".formatted(hex.length() / 2, hex));
  }
}
