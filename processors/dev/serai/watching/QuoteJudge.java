package dev.serai.watching;

import dev.serai.appraisal.Baseline;
import dev.serai.appraisal.KeylimeQuoteAppraiser;
import dev.serai.appraisal.Rejected;
import dev.serai.appraisal.Verdict;
import dev.serai.keylime.QuoteResults;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;
import java.security.MessageDigest;
import java.util.Map;

/**
 * Judges an agent's answer. Keylime's agents quote PCR 16 beside what was asked; it binds the
 * payload key they send, and an answer whose key is not the bound one was put together by somebody.
 */
final class QuoteJudge {
  private static final int KEY_PCR = 16;
  private static final int MAX_KEY = 16 * 1024;

  private final KeylimeQuoteAppraiser appraiser;

  QuoteJudge(KeylimeQuoteAppraiser appraiser) {
    this.appraiser = appraiser;
  }

  Verdict judge(QuoteRequest request, QuoteResults results, Baseline before) {
    if (results.pubkey().isEmpty()) {
      return new Rejected(
          request.node().nodeId(), ReasonCode.EVIDENCE_MISSING, "the answer has no pubkey");
    }
    String key = results.pubkey().get();
    if (key.length() > MAX_KEY) {
      return new Rejected(
          request.node().nodeId(), ReasonCode.EVIDENCE_MALFORMED, "a pubkey of that length");
    }
    TpmHash bank = bank(request);
    return appraiser.appraise(
        request.node(),
        new KeylimeQuoteAppraiser.Challenge(
            request.nonce(), quoted(request.selection()), Map.of(KEY_PCR, bound(bank, key))),
        results.quote(),
        before);
  }

  /** A node that is banned or not activated is rejected without any quote. */
  Verdict judgeRecord(QuoteRequest request) {
    return appraiser.appraise(
        request.node(),
        new KeylimeQuoteAppraiser.Challenge(request.nonce(), quoted(request.selection())),
        "",
        Baseline.NONE);
  }

  private static TpmHash bank(QuoteRequest request) {
    return request.selection().pcrs().keySet().iterator().next();
  }

  private static PcrSelection quoted(PcrSelection asked) {
    return asked.and(KEY_PCR);
  }

  /** PCR 16 after a reset and one extension with the hash of the key's text. */
  private static Bytes bound(TpmHash bank, String key) {
    MessageDigest ofText = bank.newDigest();
    Bytes.ofText(key).writeTo(ofText);
    MessageDigest extended = bank.newDigest();
    extended.update(new byte[bank.digestLength()]);
    extended.update(ofText.digest());
    return Bytes.copyOf(extended.digest());
  }
}
