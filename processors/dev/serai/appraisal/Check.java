package dev.serai.appraisal;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;

/** The outcome of one check: a fact, or the reason why there is none. */
public sealed interface Check<T> {

  record Passed<T>(T fact) implements Check<T> {}

  record Failed<T>(Reason reason) implements Check<T> {}

  static <T> Check<T> passed(T fact) {
    return new Passed<>(fact);
  }

  static <T> Check<T> failed(ReasonCode code, String detail) {
    return new Failed<>(new Reason(code, detail));
  }
}
