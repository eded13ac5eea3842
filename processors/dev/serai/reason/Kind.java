package dev.serai.reason;

/** What a refusal means to the caller; decides the HTTP status and the gRPC code. */
public enum Kind {
  MALFORMED(400, 3),
  UNAUTHENTICATED(401, 16),
  DENIED(403, 7),
  NOT_FOUND(404, 5),
  CONFLICT(409, 6),
  TOO_LARGE(413, 8),
  OVERLOADED(429, 8),
  PRECONDITION(412, 9),
  UNIMPLEMENTED(501, 12),
  UNAVAILABLE(503, 14),
  DEADLINE(504, 4),
  INTERNAL(500, 13);

  private final int httpStatus;
  private final int grpcCode;

  Kind(int httpStatus, int grpcCode) {
    this.httpStatus = httpStatus;
    this.grpcCode = grpcCode;
  }

  public int httpStatus() {
    return httpStatus;
  }

  /** google.rpc.Code. */
  public int grpcCode() {
    return grpcCode;
  }
}
