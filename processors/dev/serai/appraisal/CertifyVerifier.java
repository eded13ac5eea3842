package dev.serai.appraisal;

import dev.serai.reason.ReasonCode;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.TpmName;
import dev.serai.tpm.wire.TpmsAttest;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.Optional;

/** Verifies TPM2_Certify output: the AK's TPM holds the App Key, and what kind of key it is. */
public final class CertifyVerifier {
  private CertifyVerifier() {}

  /**
   * @param qualifyingData of the challenge, see {@link CertifyBinding}
   * @return the certified Name
   */
  public static Check<TpmName> verify(
      SignedStatement certify, AttestationKey ak, Bytes qualifyingData, TpmtPublic appKey) {
    Check<TpmsAttest> authentic = ak.authentic(certify);
    if (!(authentic instanceof Check.Passed<TpmsAttest> passed)) {
      return QuoteVerifier.failed(authentic);
    }
    TpmsAttest attest = passed.fact();
    if (!(attest.body() instanceof TpmsAttest.Certify certified)) {
      return Check.failed(ReasonCode.NOT_A_CERTIFY, "a statement of type " + attest.body().type());
    }
    if (!attest.extraData().equals(qualifyingData)) {
      return Check.failed(
          ReasonCode.NONCE_MISMATCH, "the certify answers another challenge, key or CSR");
    }
    if (!certified.name().equals(appKey.name())) {
      return Check.failed(
          ReasonCode.CERTIFIED_OTHER_KEY,
          "certified %s, App Key %s".formatted(certified.name().toHex(), appKey.name().toHex()));
    }
    Optional<String> wrong = KeyAttributes.wrongAsAppKey(appKey);
    if (wrong.isPresent()) {
      return Check.failed(ReasonCode.APP_KEY_ATTRIBUTES_WRONG, wrong.get());
    }
    return Check.passed(certified.name());
  }
}
