package dev.serai.app;

import dev.serai.deadline.Deadline;
import dev.serai.role.TraceId;
import org.apache.camel.AsyncCallback;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.impl.engine.DefaultUnitOfWork;
import org.apache.camel.spi.InflightRepository;
import org.apache.camel.spi.UnitOfWork;
import org.apache.camel.spi.UnitOfWorkFactory;
import org.slf4j.MDC;

/**
 * Gives each exchange its trace id and the deadline its caller named, and each step's log lines the
 * exchange's.
 */
final class TracedUnitOfWork extends DefaultUnitOfWork {
  private final String traceId;
  private final String outer;
  private final Thread born = Thread.currentThread();

  private TracedUnitOfWork(
      Exchange exchange, InflightRepository inflight, boolean allowMessage, boolean streamCache) {
    super(exchange, inflight, allowMessage, streamCache);
    if (exchange.getFromRouteId() != null) {
      TraceId.hide(); // a consumer made it: what its thread did before is no part of it
    }
    this.outer = MDC.get(TraceId.VARIABLE);
    this.traceId = TraceId.of(exchange);
    if (exchange.getFromRouteId() != null) {
      Deadline.fromHeader(exchange.getMessage().getHeader(Deadline.HEADER))
          .ifPresent(deadline -> Deadline.limit(exchange, deadline.remaining()));
    }
  }

  /** Makes them. */
  static final class Factory implements UnitOfWorkFactory {
    private InflightRepository inflight;

    @Override
    public void afterPropertiesConfigured(CamelContext context) {
      inflight = context.getInflightRepository();
    }

    @Override
    public UnitOfWork createUnitOfWork(Exchange exchange) {
      return new TracedUnitOfWork(exchange, inflight, false, false);
    }
  }

  @Override
  public boolean isBeforeAfterProcess() {
    return true;
  }

  @Override
  public AsyncCallback beforeProcess(
      Processor processor, Exchange exchange, AsyncCallback callback) {
    TraceId.show(exchange, traceId);
    return callback;
  }

  /** The end of the flow, on whatever thread it comes to. */
  @Override
  public void done(Exchange exchange) {
    try {
      super.done(exchange);
    } finally {
      if (outer != null && Thread.currentThread() == born) {
        MDC.put(TraceId.VARIABLE, outer); // back to the flow that started this one
      } else {
        TraceId.hide();
      }
    }
  }
}
