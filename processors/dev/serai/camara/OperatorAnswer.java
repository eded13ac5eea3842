package dev.serai.camara;

import java.time.Instant;

/**
 * A verdict with the question it answers.
 *
 * @param at when the operator answered
 * @param kept whether it is from before
 */
public record OperatorAnswer(
    OperatorQuestion question, OperatorVerdict verdict, Instant at, boolean kept) {

  /** For the route. */
  public boolean isAnswered() {
    return true;
  }

  OperatorAnswer asKept() {
    return new OperatorAnswer(question, verdict, at, true);
  }
}
