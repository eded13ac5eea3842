package dev.serai.appraisal;

import dev.serai.tpm.wire.PcrSelection;
import java.util.Optional;

/**
 * The policy in force. A quote that was asked for under the policy before may lack PCRs that the
 * new one wants: it is judged by the policy it was asked for, and the next question is the new
 * one's. Safe for any thread.
 */
final class LivePolicy {
  private record Held(Optional<AppraisalPolicy> now, Optional<AppraisalPolicy> before) {}

  private volatile Held held;

  LivePolicy(Optional<AppraisalPolicy> policy) {
    this.held = new Held(policy, Optional.empty());
  }

  Optional<AppraisalPolicy> now() {
    return held.now();
  }

  /** For a quote over these PCRs. */
  Optional<AppraisalPolicy> forQuoteOf(PcrSelection asked) {
    Held both = held;
    boolean askedBefore =
        both.now().isPresent()
            && both.before().isPresent()
            && !covers(asked, both.now().get())
            && covers(asked, both.before().get());
    return askedBefore ? both.before() : both.now();
  }

  private static boolean covers(PcrSelection asked, AppraisalPolicy policy) {
    return policy.pcrs().selection().pcrs().entrySet().stream()
        .allMatch(
            bank ->
                asked.pcrs().containsKey(bank.getKey())
                    && asked.pcrs().get(bank.getKey()).containsAll(bank.getValue()));
  }

  void use(Optional<AppraisalPolicy> fresh) {
    held = new Held(fresh, held.now());
  }
}
