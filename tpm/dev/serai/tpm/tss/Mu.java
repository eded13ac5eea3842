package dev.serai.tpm.tss;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;

/**
 * The functions of tss2_mu.h in use: wire bytes to libtss2's structures (In) and back (Out). size_t
 * is a Java long: {@link Libraries} refuses a 32-bit process.
 */
final class Mu {
  private Mu() {}

  static void bind(NativeLibrary library) {
    com.sun.jna.Native.register(Mu.class, library);
  }

  /** A structure that goes into a command. */
  enum In {
    TPM2B_PUBLIC(Mu::Tss2_MU_TPM2B_PUBLIC_Unmarshal),
    TPM2B_PRIVATE(Mu::Tss2_MU_TPM2B_PRIVATE_Unmarshal),
    TPM2B_SENSITIVE_CREATE(Mu::Tss2_MU_TPM2B_SENSITIVE_CREATE_Unmarshal),
    TPM2B_DIGEST(Mu::Tss2_MU_TPM2B_DIGEST_Unmarshal),
    TPM2B_DATA(Mu::Tss2_MU_TPM2B_DATA_Unmarshal),
    TPM2B_ID_OBJECT(Mu::Tss2_MU_TPM2B_ID_OBJECT_Unmarshal),
    TPM2B_ENCRYPTED_SECRET(Mu::Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal),
    TPML_PCR_SELECTION(Mu::Tss2_MU_TPML_PCR_SELECTION_Unmarshal),
    TPML_DIGEST_VALUES(Mu::Tss2_MU_TPML_DIGEST_VALUES_Unmarshal),
    TPMT_SIG_SCHEME(Mu::Tss2_MU_TPMT_SIG_SCHEME_Unmarshal),
    TPMT_SYM_DEF(Mu::Tss2_MU_TPMT_SYM_DEF_Unmarshal),
    TPMT_TK_HASHCHECK(Mu::Tss2_MU_TPMT_TK_HASHCHECK_Unmarshal);

    private final Unmarshal unmarshal;

    In(Unmarshal unmarshal) {
      this.unmarshal = unmarshal;
    }

    int unmarshal(Pointer wire, long size, Pointer offset, Pointer structure) {
      return unmarshal.call(wire, size, offset, structure);
    }
  }

  /** A structure that comes out of a command. */
  enum Out {
    TPM2B_PUBLIC(Mu::Tss2_MU_TPM2B_PUBLIC_Marshal),
    TPM2B_PRIVATE(Mu::Tss2_MU_TPM2B_PRIVATE_Marshal),
    TPM2B_DIGEST(Mu::Tss2_MU_TPM2B_DIGEST_Marshal),
    TPM2B_ATTEST(Mu::Tss2_MU_TPM2B_ATTEST_Marshal),
    TPM2B_MAX_NV_BUFFER(Mu::Tss2_MU_TPM2B_MAX_NV_BUFFER_Marshal),
    TPM2B_NV_PUBLIC(Mu::Tss2_MU_TPM2B_NV_PUBLIC_Marshal),
    TPML_PCR_SELECTION(Mu::Tss2_MU_TPML_PCR_SELECTION_Marshal),
    TPML_DIGEST(Mu::Tss2_MU_TPML_DIGEST_Marshal),
    TPMT_SIGNATURE(Mu::Tss2_MU_TPMT_SIGNATURE_Marshal),
    TPMS_CAPABILITY_DATA(Mu::Tss2_MU_TPMS_CAPABILITY_DATA_Marshal),
    TPMS_TIME_INFO(Mu::Tss2_MU_TPMS_TIME_INFO_Marshal);

    private final Marshal marshal;

    Out(Marshal marshal) {
      this.marshal = marshal;
    }

    int marshal(Pointer structure, Pointer wire, long size, Pointer offset) {
      return marshal.call(structure, wire, size, offset);
    }
  }

  private interface Unmarshal {
    int call(Pointer wire, long size, Pointer offset, Pointer structure);
  }

  private interface Marshal {
    int call(Pointer structure, Pointer wire, long size, Pointer offset);
  }

  private static native int Tss2_MU_TPM2B_PUBLIC_Unmarshal(
      Pointer buffer, long size, Pointer offset, Pointer dest);

  private static native int Tss2_MU_TPM2B_PRIVATE_Unmarshal(
      Pointer buffer, long size, Pointer offset, Pointer dest);

  private static native int Tss2_MU_TPM2B_SENSITIVE_CREATE_Unmarshal(
      Pointer buffer, long size, Pointer offset, Pointer dest);

  private static native int Tss2_MU_TPM2B_DIGEST_Unmarshal(
      Pointer buffer, long size, Pointer offset, Pointer dest);

  private static native int Tss2_MU_TPM2B_DATA_Unmarshal(
      Pointer buffer, long size, Pointer offset, Pointer dest);

  private static native int Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(
      Pointer buffer, long size, Pointer offset, Pointer dest);

  private static native int Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(
      Pointer buffer, long size, Pointer offset, Pointer dest);

  private static native int Tss2_MU_TPML_PCR_SELECTION_Unmarshal(
      Pointer buffer, long size, Pointer offset, Pointer dest);

  private static native int Tss2_MU_TPML_DIGEST_VALUES_Unmarshal(
      Pointer buffer, long size, Pointer offset, Pointer dest);

  private static native int Tss2_MU_TPMT_SIG_SCHEME_Unmarshal(
      Pointer buffer, long size, Pointer offset, Pointer dest);

  private static native int Tss2_MU_TPMT_SYM_DEF_Unmarshal(
      Pointer buffer, long size, Pointer offset, Pointer dest);

  private static native int Tss2_MU_TPMT_TK_HASHCHECK_Unmarshal(
      Pointer buffer, long size, Pointer offset, Pointer dest);

  private static native int Tss2_MU_TPM2B_PUBLIC_Marshal(
      Pointer src, Pointer buffer, long size, Pointer offset);

  private static native int Tss2_MU_TPM2B_PRIVATE_Marshal(
      Pointer src, Pointer buffer, long size, Pointer offset);

  private static native int Tss2_MU_TPM2B_DIGEST_Marshal(
      Pointer src, Pointer buffer, long size, Pointer offset);

  private static native int Tss2_MU_TPM2B_ATTEST_Marshal(
      Pointer src, Pointer buffer, long size, Pointer offset);

  private static native int Tss2_MU_TPM2B_MAX_NV_BUFFER_Marshal(
      Pointer src, Pointer buffer, long size, Pointer offset);

  private static native int Tss2_MU_TPM2B_NV_PUBLIC_Marshal(
      Pointer src, Pointer buffer, long size, Pointer offset);

  private static native int Tss2_MU_TPML_PCR_SELECTION_Marshal(
      Pointer src, Pointer buffer, long size, Pointer offset);

  private static native int Tss2_MU_TPML_DIGEST_Marshal(
      Pointer src, Pointer buffer, long size, Pointer offset);

  private static native int Tss2_MU_TPMT_SIGNATURE_Marshal(
      Pointer src, Pointer buffer, long size, Pointer offset);

  private static native int Tss2_MU_TPMS_CAPABILITY_DATA_Marshal(
      Pointer src, Pointer buffer, long size, Pointer offset);

  private static native int Tss2_MU_TPMS_TIME_INFO_Marshal(
      Pointer src, Pointer buffer, long size, Pointer offset);
}
