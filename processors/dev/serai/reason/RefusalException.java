package dev.serai.reason;

import java.util.Optional;

/**
 * A flow refuses. Carries its reason to the one place that answers the caller; never used to say
 * "no" inside a core, which returns a verdict.
 */
public final class RefusalException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ReasonCode code;
  private final transient Object answerDetail;

  public RefusalException(ReasonCode code, String detail) {
    this(code, detail, null, null);
  }

  public RefusalException(ReasonCode code, String detail, Throwable cause) {
    this(code, detail, cause, null);
  }

  /** answerDetail: a protocol's own detail message for the answer, or null. */
  public RefusalException(ReasonCode code, String detail, Throwable cause, Object answerDetail) {
    super(code + ": " + detail, cause);
    this.code = code;
    this.answerDetail = answerDetail;
    this.detail = detail;
  }

  private final String detail;

  public Reason reason() {
    return new Reason(code, detail);
  }

  /** For gRPC: a protobuf message to be packed into the status details. */
  public Optional<Object> answerDetail() {
    return Optional.ofNullable(answerDetail);
  }
}
