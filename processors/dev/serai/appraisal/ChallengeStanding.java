package dev.serai.appraisal;

import dev.serai.reason.ReasonCode;
import java.util.Optional;

/** What the issuer found when it consumed the nonce that the evidence names. */
public enum ChallengeStanding {
  /** Issued on this stream, not used before, in time; used now. */
  FRESH(null),
  MISSING(ReasonCode.NONCE_MISSING),
  UNKNOWN(ReasonCode.NONCE_UNKNOWN),
  USED(ReasonCode.NONCE_USED),
  EXPIRED(ReasonCode.NONCE_EXPIRED),
  /** Issued on another stream. */
  FOREIGN(ReasonCode.NONCE_FOREIGN);

  private final ReasonCode refusal;

  ChallengeStanding(ReasonCode refusal) {
    this.refusal = refusal;
  }

  /** Why evidence with such a nonce is refused; empty for FRESH. */
  public Optional<ReasonCode> refusal() {
    return Optional.ofNullable(refusal);
  }
}
