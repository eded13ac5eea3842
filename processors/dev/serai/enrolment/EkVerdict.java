package dev.serai.enrolment;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;

/** Whether an endorsement key is that of a TPM we believe in. */
sealed interface EkVerdict {

  /** It is. Made by {@link EkTrust} only. */
  final class Trusted implements EkVerdict {
    private final EkTrustBasis basis;

    Trusted(EkTrustBasis basis) {
      this.basis = basis;
    }

    EkTrustBasis basis() {
      return basis;
    }
  }

  /** It is not, or nobody can tell. */
  record Rejected(Reason reason) implements EkVerdict {}

  static EkVerdict rejected(ReasonCode code, String detail) {
    return new Rejected(new Reason(code, detail));
  }
}
