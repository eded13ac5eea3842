package dev.serai.watching;

import dev.serai.keylime.QuoteResults;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;

/** What came of asking an agent for a quote. */
sealed interface FetchOutcome {

  /** It answered; nothing of it is checked yet. */
  record Answered(QuoteResults results) implements FetchOutcome {}

  /** It did not, or not with a quote. */
  record Unanswered(Reason reason) implements FetchOutcome {}

  static Unanswered unanswered(String detail) {
    return new Unanswered(new Reason(ReasonCode.AGENT_UNREACHABLE, detail));
  }
}
