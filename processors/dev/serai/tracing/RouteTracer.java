package dev.serai.tracing;

import dev.serai.role.TraceId;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.context.Context;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.CamelContext;
import org.apache.camel.Endpoint;
import org.apache.camel.Exchange;
import org.apache.camel.Route;
import org.apache.camel.telemetry.Op;
import org.apache.camel.telemetry.Span;
import org.apache.camel.telemetry.SpanContextPropagationExtractor;
import org.apache.camel.telemetry.SpanContextPropagationInjector;
import org.apache.camel.telemetry.SpanLifecycleManager;
import org.apache.camel.telemetry.Tracer;

/**
 * Camel's tracing with spans of ours: one for each route an exchange goes through and one for each
 * call it makes. No span is ever "current" on a thread: exchanges change threads, and what would be
 * left behind would become the parent of strangers. Timers begin no span, they tick ten times a
 * second; what a tick sets off does.
 */
final class RouteTracer extends Tracer {
  private final io.opentelemetry.api.trace.Tracer spans;
  private final Map<String, String> routes = new ConcurrentHashMap<>();
  private final ThreadLocal<Event> now = new ThreadLocal<>();

  /** What Camel begins or ends on this thread. */
  private record Event(Exchange exchange, Endpoint endpoint, Op op) {}

  RouteTracer(io.opentelemetry.api.trace.Tracer spans) {
    this.spans = spans;
  }

  @Override
  protected void initTracer() {
    setSpanLifecycleManager(new Lifecycle());
  }

  @Override
  public boolean exclude(String endpointUri, CamelContext context) {
    return endpointUri != null && endpointUri.startsWith("timer:");
  }

  @Override
  protected void beginEventSpan(Exchange exchange, Endpoint endpoint, Op op) throws Exception {
    now.set(new Event(exchange, endpoint, op));
    try {
      super.beginEventSpan(exchange, endpoint, op);
    } finally {
      now.remove();
    }
  }

  @Override
  protected void endEventSpan(Exchange exchange, Endpoint endpoint) throws Exception {
    now.set(new Event(exchange, endpoint, null));
    try {
      super.endEventSpan(exchange, endpoint);
    } finally {
      now.remove();
    }
  }

  /** The route that begins there, or the address without what may be secret in it. */
  private String name(Endpoint endpoint, Op op, String usual) {
    if (endpoint == null) {
      return usual;
    }
    String uri = endpoint.getEndpointUri();
    String route = routes.computeIfAbsent(uri, key -> routeAt(endpoint, key));
    return op == Op.EVENT_RECEIVED ? route : "to " + route;
  }

  private static String routeAt(Endpoint endpoint, String uri) {
    for (Route route : endpoint.getCamelContext().getRoutes()) {
      if (route.getEndpoint().getEndpointUri().equals(uri)) {
        return route.getRouteId();
      }
    }
    return endpoint.getEndpointBaseUri().replaceFirst("//[^/@]*@", "//");
  }

  private final class Lifecycle implements SpanLifecycleManager {
    @Override
    public Span create(String usual, Span parent, SpanContextPropagationExtractor extractor) {
      Event event = now.get();
      String traceId = TraceId.of(event.exchange());
      SpanBuilder builder =
          spans
              .spanBuilder(name(event.endpoint(), event.op(), usual))
              .setSpanKind(event.op() == Op.EVENT_SENT ? SpanKind.CLIENT : SpanKind.SERVER)
              .setParent(
                  parent instanceof FlowSpan known
                      ? known.context()
                      : caller(event.exchange(), traceId));
      FlowIds.next(traceId);
      try {
        FlowSpan made =
            new FlowSpan(builder.startSpan(), parent instanceof FlowSpan known ? known : null);
        made.enter(event.exchange());
        return made;
      } finally {
        FlowIds.next(null);
      }
    }

    /** The span of the process that called this one, if it named it. */
    private Context caller(Exchange exchange, String traceId) {
      return TraceId.callersSpan(exchange)
          .map(
              span ->
                  Context.root()
                      .with(
                          io.opentelemetry.api.trace.Span.wrap(
                              SpanContext.createFromRemoteParent(
                                  traceId,
                                  span,
                                  TraceFlags.getSampled(),
                                  TraceState.getDefault()))))
          .orElse(Context.root());
    }

    @Override
    public void activate(Span span) {
      // Never on a thread; see above.
    }

    @Override
    public void deactivate(Span span) {
      // Nothing was activated.
    }

    @Override
    public void close(Span span) {
      Event event = now.get();
      ((FlowSpan) span).end(event == null ? null : event.exchange());
    }

    /** A call whose header names our span names the span of the call itself. */
    @Override
    public void inject(Span span, SpanContextPropagationInjector injector, boolean inclusion) {
      Event event = now.get();
      if (event.op() == Op.EVENT_SENT
          && event.exchange().getMessage().getHeader(TraceId.HEADER) != null) {
        event.exchange().getMessage().setHeader(TraceId.HEADER, ((FlowSpan) span).traceparent());
      }
    }
  }
}
