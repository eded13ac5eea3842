package dev.serai.tpm.tss;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;

/**
 * The functions of tss2_esys.h in use, names and argument order as there. UINT16 is short, UINT8
 * byte, ESYS_TR and UINT32 int. One context is not for two threads at once.
 */
final class Esys {
  static final int NONE = 0xfff;
  static final int PASSWORD = 0x0ff;
  static final int RH_OWNER = 0x101;
  static final int RH_ENDORSEMENT = 0x10b;

  private Esys() {}

  static void bind(NativeLibrary library) {
    com.sun.jna.Native.register(Esys.class, library);
  }

  static native int Esys_Initialize(Pointer context, Pointer tcti, Pointer abiVersion);

  static native void Esys_Finalize(Pointer context);

  static native void Esys_Free(Pointer block);

  static native int Esys_Startup(Pointer context, short startupType);

  static native int Esys_TR_FromTPMPublic(
      Pointer context, int handle, int session1, int session2, int session3, Pointer object);

  static native int Esys_TR_Close(Pointer context, Pointer object);

  static native int Esys_TRSess_SetAttributes(Pointer context, int session, byte flags, byte mask);

  static native int Esys_StartAuthSession(
      Pointer context,
      int tpmKey,
      int bind,
      int session1,
      int session2,
      int session3,
      Pointer nonceCaller,
      byte sessionType,
      Pointer symmetric,
      short authHash,
      Pointer sessionHandle);

  static native int Esys_PolicySecret(
      Pointer context,
      int authHandle,
      int policySession,
      int session1,
      int session2,
      int session3,
      Pointer nonceTpm,
      Pointer cpHashA,
      Pointer policyRef,
      int expiration,
      Pointer timeout,
      Pointer policyTicket);

  static native int Esys_CreatePrimary(
      Pointer context,
      int primaryHandle,
      int session1,
      int session2,
      int session3,
      Pointer inSensitive,
      Pointer inPublic,
      Pointer outsideInfo,
      Pointer creationPcr,
      Pointer objectHandle,
      Pointer outPublic,
      Pointer creationData,
      Pointer creationHash,
      Pointer creationTicket);

  static native int Esys_Create(
      Pointer context,
      int parentHandle,
      int session1,
      int session2,
      int session3,
      Pointer inSensitive,
      Pointer inPublic,
      Pointer outsideInfo,
      Pointer creationPcr,
      Pointer outPrivate,
      Pointer outPublic,
      Pointer creationData,
      Pointer creationHash,
      Pointer creationTicket);

  static native int Esys_Load(
      Pointer context,
      int parentHandle,
      int session1,
      int session2,
      int session3,
      Pointer inPrivate,
      Pointer inPublic,
      Pointer objectHandle);

  static native int Esys_ReadPublic(
      Pointer context,
      int objectHandle,
      int session1,
      int session2,
      int session3,
      Pointer outPublic,
      Pointer name,
      Pointer qualifiedName);

  static native int Esys_FlushContext(Pointer context, int flushHandle);

  static native int Esys_ActivateCredential(
      Pointer context,
      int activateHandle,
      int keyHandle,
      int session1,
      int session2,
      int session3,
      Pointer credentialBlob,
      Pointer secret,
      Pointer certInfo);

  static native int Esys_Certify(
      Pointer context,
      int objectHandle,
      int signHandle,
      int session1,
      int session2,
      int session3,
      Pointer qualifyingData,
      Pointer inScheme,
      Pointer certifyInfo,
      Pointer signature);

  static native int Esys_Quote(
      Pointer context,
      int signHandle,
      int session1,
      int session2,
      int session3,
      Pointer qualifyingData,
      Pointer inScheme,
      Pointer pcrSelect,
      Pointer quoted,
      Pointer signature);

  static native int Esys_Sign(
      Pointer context,
      int keyHandle,
      int session1,
      int session2,
      int session3,
      Pointer digest,
      Pointer inScheme,
      Pointer validation,
      Pointer signature);

  static native int Esys_GetRandom(
      Pointer context,
      int session1,
      int session2,
      int session3,
      short bytesRequested,
      Pointer randomBytes);

  static native int Esys_GetCapability(
      Pointer context,
      int session1,
      int session2,
      int session3,
      int capability,
      int property,
      int propertyCount,
      Pointer moreData,
      Pointer capabilityData);

  static native int Esys_PCR_Read(
      Pointer context,
      int session1,
      int session2,
      int session3,
      Pointer pcrSelectionIn,
      Pointer pcrUpdateCounter,
      Pointer pcrSelectionOut,
      Pointer pcrValues);

  static native int Esys_PCR_Extend(
      Pointer context, int pcrHandle, int session1, int session2, int session3, Pointer digests);

  static native int Esys_PCR_Reset(
      Pointer context, int pcrHandle, int session1, int session2, int session3);

  static native int Esys_ReadClock(
      Pointer context, int session1, int session2, int session3, Pointer currentTime);

  static native int Esys_NV_ReadPublic(
      Pointer context,
      int nvIndex,
      int session1,
      int session2,
      int session3,
      Pointer nvPublic,
      Pointer nvName);

  static native int Esys_NV_Read(
      Pointer context,
      int authHandle,
      int nvIndex,
      int session1,
      int session2,
      int session3,
      short size,
      short offset,
      Pointer data);
}
