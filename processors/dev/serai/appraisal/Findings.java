package dev.serai.appraisal;

import dev.serai.appraisal.Appraisal.Step;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What an appraisal measured, question by question; empty where no step got as far. Made from the
 * steps that ran, so nothing in it can be true that was not checked.
 *
 * @param certificateValid the enrolled AK signed this certify as an answer to this challenge
 * @param keyMatches the key that was certified is the App Key, and may be one
 * @param quoteSignatureValid the enrolled AK signed this quote
 * @param nonceValid the nonce was ours and unused, and certify and quote both hold it
 */
public record Findings(
    Optional<Boolean> certificateValid,
    Optional<Boolean> keyMatches,
    Optional<Boolean> quoteSignatureValid,
    Optional<Boolean> nonceValid) {
  /** The exchange variable in which the route's last step leaves them. */
  public static final String VARIABLE = "appraisalFindings";

  private static final Set<ReasonCode> NOT_AUTHENTIC =
      Set.of(
          ReasonCode.SIGNATURE_INVALID,
          ReasonCode.AK_MISMATCH,
          ReasonCode.EVIDENCE_MALFORMED,
          ReasonCode.NOT_A_CERTIFY,
          ReasonCode.NOT_A_QUOTE);

  private static final Set<ReasonCode> OTHER_KEY =
      Set.of(ReasonCode.CERTIFIED_OTHER_KEY, ReasonCode.APP_KEY_ATTRIBUTES_WRONG);

  /**
   * @param stepsDone how many steps passed; the next one gave the reasons, if there are any
   */
  static Findings of(int stepsDone, List<Reason> reasons) {
    Optional<ReasonCode> why = reasons.stream().findFirst().map(Reason::code);
    return new Findings(
        certificate(stepsDone, why),
        key(stepsDone, why),
        quote(stepsDone, why),
        nonce(stepsDone, why));
  }

  private static boolean passed(int stepsDone, Step step) {
    return stepsDone > step.ordinal();
  }

  private static boolean closedAt(int stepsDone, Step step, Optional<ReasonCode> why) {
    return stepsDone == step.ordinal() && why.isPresent();
  }

  private static Optional<Boolean> certificate(int stepsDone, Optional<ReasonCode> why) {
    if (passed(stepsDone, Step.CERTIFY)) {
      return Optional.of(true);
    }
    boolean refused =
        closedAt(stepsDone, Step.CERTIFY, why) && why.filter(OTHER_KEY::contains).isEmpty();
    return refused ? Optional.of(false) : Optional.empty();
  }

  private static Optional<Boolean> key(int stepsDone, Optional<ReasonCode> why) {
    if (passed(stepsDone, Step.CERTIFY)) {
      return Optional.of(true);
    }
    boolean other =
        closedAt(stepsDone, Step.CERTIFY, why) && why.filter(OTHER_KEY::contains).isPresent();
    return other ? Optional.of(false) : Optional.empty();
  }

  /** Checks after the signature say of it that it was good. */
  private static Optional<Boolean> quote(int stepsDone, Optional<ReasonCode> why) {
    if (passed(stepsDone, Step.QUOTE)) {
      return Optional.of(true);
    }
    return closedAt(stepsDone, Step.QUOTE, why)
        ? Optional.of(why.filter(NOT_AUTHENTIC::contains).isEmpty())
        : Optional.empty();
  }

  private static Optional<Boolean> nonce(int stepsDone, Optional<ReasonCode> why) {
    if (why.filter(code -> code.name().startsWith("NONCE_")).isPresent()) {
      return Optional.of(false);
    }
    return passed(stepsDone, Step.QUOTE) ? Optional.of(true) : Optional.empty();
  }
}
