package dev.serai.reason;

import java.util.Optional;

/**
 * A flow refuses. Carries its reason to the one place that answers the caller; never used to say
 * "no" inside a core, which returns a verdict.
 */
public final class RefusalException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Reason reason;
  private final transient Object answerDetail;

  public RefusalException(ReasonCode code, String detail) {
    this(code, detail, null, null);
  }

  public RefusalException(ReasonCode code, String detail, Throwable cause) {
    this(code, detail, cause, null);
  }

  /** answerDetail: a protocol's own detail message for the answer, or null. */
  public RefusalException(ReasonCode code, String detail, Throwable cause, Object answerDetail) {
    this(new Reason(code, detail), cause, answerDetail);
  }

  /** A reason that is known already, its remedy kept. */
  public RefusalException(Reason reason, Throwable cause) {
    this(reason, cause, null);
  }

  private RefusalException(Reason reason, Throwable cause, Object answerDetail) {
    super(reason.toString(), cause);
    this.reason = reason;
    this.answerDetail = answerDetail;
  }

  public Reason reason() {
    return reason;
  }

  /** For gRPC: a protobuf message to be packed into the status details. */
  public Optional<Object> answerDetail() {
    return Optional.ofNullable(answerDetail);
  }
}
