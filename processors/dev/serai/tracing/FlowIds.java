package dev.serai.tracing;

import dev.serai.role.TraceId;
import io.opentelemetry.sdk.trace.IdGenerator;

/** The first span of a flow has the flow's own trace id, so that spans and log lines agree. */
final class FlowIds implements IdGenerator {
  private static final ThreadLocal<String> NEXT = new ThreadLocal<>();
  private final IdGenerator random = IdGenerator.random();

  /** The trace id of the span that this thread begins now; null afterwards. */
  static void next(String traceId) {
    if (traceId == null) {
      NEXT.remove();
    } else {
      NEXT.set(traceId);
    }
  }

  @Override
  public String generateSpanId() {
    return random.generateSpanId();
  }

  @Override
  public String generateTraceId() {
    String given = NEXT.get();
    return given == null ? TraceId.random() : given;
  }
}
