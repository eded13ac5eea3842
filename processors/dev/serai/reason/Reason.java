package dev.serai.reason;

/**
 * A stable code and what was seen. The detail is for people and holds no secret.
 *
 * @param remedy what to do here: the code's own, or a more exact one where the place knows it
 */
public record Reason(ReasonCode code, String detail, String remedy) {
  /** With the remedy of the code. */
  public Reason(ReasonCode code, String detail) {
    this(code, detail, code.remedy());
  }

  @Override
  public String toString() {
    return code + ": " + detail;
  }
}
