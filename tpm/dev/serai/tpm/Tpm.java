package dev.serai.tpm;

import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.CredentialBlob;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/**
 * The TPM of this machine, as the rest of Serai sees it. One owner: implementations run every
 * command on their own thread, bound each call by a deadline, and re-create the context, with the
 * keys it held, after a transport error. Safe for use from any thread; every method blocks.
 *
 * <p>Keys are named by {@link KeyRef}, never by handle: a reference stays good across a reopened
 * context. All methods throw {@link TpmException}.
 */
public interface Tpm extends AutoCloseable {

  /** Manufacturer, firmware, banks, algorithms, lockout state. TPM2_GetCapability. */
  TpmProperties properties();

  /** Random bytes; more than one command when the TPM gives less per call. TPM2_GetRandom. */
  Bytes random(int count);

  /** Values per bank and PCR index. TPM2_PCR_Read, repeated until every selected PCR came. */
  Map<TpmHash, SortedMap<Integer, Bytes>> readPcrs(PcrSelection selection);

  /** TPM2_PCR_Extend of one bank. */
  void extendPcr(int pcr, TpmHash bank, Bytes digest);

  /** TPM2_PCR_Reset; only PCR 16 and 23 allow it at locality 0. */
  void resetPcr(int pcr);

  /** TPM2_ReadClock. */
  TpmClock clock();

  /** The content of an NV index, read with owner or index authority. TPM2_NV_Read. */
  Bytes readNv(int index);

  /**
   * Certificates found in NV for this EK: the EK certificate first, then the chain of
   * 0x01c00100-0x01c001ff, each one DER certificate. Empty when the TPM holds none for this key.
   */
  List<Bytes> endorsementCertificates(KeyRef.Endorsement ek);

  /** The public area, as the TPM gave it. Creates or loads the key when needed. */
  TpmtPublic publicArea(KeyRef key);

  /** A new, sign-only, non-exportable key under the storage root; persist what it returns. */
  KeyRef.App createAppKey(AppKeyType type);

  /** TPM2_ActivateCredential: the secret, if the blob was made for this EK and this AK's Name. */
  Bytes activateCredential(KeyRef.Attestation ak, KeyRef.Endorsement ek, CredentialBlob blob);

  /** TPM2_Certify of subject by ak. */
  Attested certify(KeyRef subject, KeyRef.Attestation ak, Bytes qualifyingData);

  /** TPM2_Quote with the AK's own scheme. */
  Attested quote(KeyRef.Attestation ak, PcrSelection selection, Bytes qualifyingData);

  /** TPM2_Sign of a digest; answers TPMT_SIGNATURE bytes. */
  Bytes sign(KeyRef.App key, SignScheme scheme, Bytes digest);

  /**
   * Whether the TPM still answers, and its way is still ours alone. When another resource manager
   * has come, what is held is given back and CONFLICT is thrown, now and by every later call, until
   * it is gone.
   */
  void check();

  @Override
  void close();

  /** What an attestation command answers: TPMS_ATTEST and TPMT_SIGNATURE, as received. */
  record Attested(Bytes attest, Bytes signature) {}

  /** Kind of an App Key. */
  enum AppKeyType {
    ECC_P256,
    RSA_2048
  }

  /** Scheme of a signature made with an App Key, always with SHA-256. */
  enum SignScheme {
    ECDSA_SHA256,
    RSASSA_SHA256,
    RSAPSS_SHA256
  }
}
