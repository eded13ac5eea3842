package dev.serai.appraisal;

import dev.serai.reason.ReasonCode;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrBlob;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmsAttest;
import java.util.Set;

/**
 * Verifies TPM2_Quote output. The values beside the quote are unsigned: they count when their
 * digest is in the quote, and belong to the PCRs that the signed selection names.
 */
public final class QuoteVerifier {
  private QuoteVerifier() {}

  /**
   * @param pcrBlob the values, in the file format of tpm2-tools
   * @param nonce the qualifying data of the challenge
   * @param asked what the quote has to cover, exactly
   */
  public static Check<Trusted.QuotedState> verify(
      SignedStatement quote, Bytes pcrBlob, AttestationKey ak, Bytes nonce, PcrSelection asked) {
    return verify(quote, pcrBlob, ak, Set.of(nonce), Set.of(asked));
  }

  /**
   * @param nonces the qualifying data of the challenge in each of its spellings
   * @param asked what the quote has to cover, exactly one of these
   */
  static Check<Trusted.QuotedState> verify(
      SignedStatement quote,
      Bytes pcrBlob,
      AttestationKey ak,
      Set<Bytes> nonces,
      Set<PcrSelection> asked) {
    Check<TpmsAttest> authentic = ak.authentic(quote);
    if (!(authentic instanceof Check.Passed<TpmsAttest> passed)) {
      return failed(authentic);
    }
    TpmsAttest attest = passed.fact();
    if (!(attest.body() instanceof TpmsAttest.Quote quoted)) {
      return Check.failed(ReasonCode.NOT_A_QUOTE, "a statement of type " + attest.body().type());
    }
    if (!nonces.contains(attest.extraData())) {
      return Check.failed(ReasonCode.NONCE_MISMATCH, "the quote answers another challenge");
    }
    if (!asked.contains(quoted.selection())) {
      return Check.failed(
          ReasonCode.PCR_SELECTION_MISMATCH,
          "asked for %s, quoted %s"
              .formatted(
                  asked.stream().map(PcrSelection::toString).sorted().findFirst().orElseThrow(),
                  quoted.selection()));
    }
    return values(ak, attest, quoted, pcrBlob);
  }

  private static Check<Trusted.QuotedState> values(
      AttestationKey ak, TpmsAttest attest, TpmsAttest.Quote quoted, Bytes pcrBlob) {
    PcrBlob claimed;
    try {
      claimed = PcrBlob.parse(pcrBlob);
    } catch (MalformedStructureException e) {
      return Check.failed(ReasonCode.EVIDENCE_MALFORMED, e.getMessage());
    }
    if (!claimed.selection().equals(quoted.selection())) {
      return Check.failed(
          ReasonCode.PCR_SELECTION_MISMATCH,
          "values of %s beside a quote of %s".formatted(claimed.selection(), quoted.selection()));
    }
    // TPM2_Quote hashes with the hash of the signing scheme.
    if (claimed.digest(ak.hash()).equals(quoted.pcrDigest())) {
      return Check.passed(
          new Trusted.QuotedState(attest.clock(), attest.firmwareVersion(), claimed.byIndex()));
    }
    return Check.failed(ReasonCode.PCR_DIGEST_MISMATCH, "the values are not those of the quote");
  }

  static <T> Check<T> failed(Check<?> check) {
    return new Check.Failed<>(((Check.Failed<?>) check).reason());
  }
}
