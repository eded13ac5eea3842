package dev.serai.reason;

import java.util.Optional;

/**
 * The answer of a flow that refused; the body of the exchange from then on.
 *
 * @param answerDetail a protocol's own detail message (for gRPC: a protobuf message)
 */
public record Refused(Reason reason, String traceId, Optional<Object> answerDetail) {
  /** Exchange property that holds it, whatever form the answer has by then. */
  public static final String PROPERTY = "seraiRefused";
}
