package dev.serai.tracing;

import dev.serai.reason.Refused;
import dev.serai.role.TraceId;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import java.util.Map;
import java.util.Set;
import org.apache.camel.Exchange;
import org.apache.camel.telemetry.Span;

/**
 * One span. Of what Camel would attach only a few keys are taken: addresses with queries, headers,
 * messages of exceptions and log lines may hold what must not leave this machine.
 */
final class FlowSpan implements Span {
  private static final Set<String> TAKEN = Set.of("component", "op", "http.status_code");

  private final io.opentelemetry.api.trace.Span span;
  private final FlowSpan parent;

  FlowSpan(io.opentelemetry.api.trace.Span span, FlowSpan parent) {
    this.span = span;
    this.parent = parent;
  }

  Context context() {
    return Context.root().with(span);
  }

  /** Calls that steps of this exchange make from now on are made in this span. */
  void enter(Exchange exchange) {
    TraceId.enterSpan(
        exchange, span.getSpanContext().getSpanId(), span.getSpanContext().isSampled());
  }

  /** traceparent of a call made in this span. */
  String traceparent() {
    return TraceId.traceparent(
        span.getSpanContext().getTraceId(),
        span.getSpanContext().getSpanId(),
        span.getSpanContext().isSampled());
  }

  void end(Exchange exchange) {
    if (exchange != null) {
      if (exchange.getMessage().getBody() instanceof Refused refused) {
        span.setAttribute("serai.reason", refused.reason().code().name());
        span.setStatus(StatusCode.ERROR);
      } else if (exchange.getException() != null) {
        span.setStatus(StatusCode.ERROR);
      }
      if (parent == null) {
        TraceId.leaveSpan(exchange);
      } else {
        parent.enter(exchange);
      }
    }
    span.end();
  }

  @Override
  public void setTag(String key, String value) {
    if (value != null && TAKEN.contains(key)) {
      span.setAttribute(key, value);
    }
  }

  @Override
  public void setComponent(String component) {
    setTag("component", component);
  }

  @Override
  public void setError(boolean error) {
    if (error) {
      span.setStatus(StatusCode.ERROR);
    }
  }

  @Override
  public void log(Map<String, String> fields) {
    // Log lines have the trace id; they stay in the log.
  }
}
