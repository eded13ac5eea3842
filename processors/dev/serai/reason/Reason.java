package dev.serai.reason;

/** A stable code and what was seen. The detail is for people and holds no secret. */
public record Reason(ReasonCode code, String detail) {
  @Override
  public String toString() {
    return code + ": " + detail;
  }
}
