package dev.serai.flow;

import dev.serai.reason.Judged;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.role.TraceId;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import org.apache.camel.AsyncCallback;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.NamedNode;
import org.apache.camel.Processor;
import org.apache.camel.spi.InterceptStrategy;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.processor.DelegateAsyncProcessor;

/**
 * Stands around every step of every route and notes that it ran: where, when, how long, and with
 * what reason code it was refused. Of the message it asks one thing, whether it is {@link Judged}
 * and with which code.
 *
 * <p>Cost: one object and two readings of the clock for a step; see the class's bench.
 */
public final class FlowRecorder implements InterceptStrategy {
  /** The bean's name. */
  public static final String BEAN = "flowRecorder";

  /** Consumers that only knock; a flow of theirs counts when it goes on to another route. */
  private static final Set<String> TICKS = Set.of("timer", "scheduler");

  private final Function<Throwable, ReasonCode> codes;
  private final InstantSource clock;
  private final FlowStore flows = new FlowStore();
  private final List<Observer> observers = new CopyOnWriteArrayList<>();

  /** Sees each step. Called on the thread of the flow. */
  interface Observer {
    /** Before the step; may keep the flow waiting. */
    void before(String traceId, FlowStep step);

    /** After it. */
    void after(String traceId, FlowStep step);
  }

  /**
   * @param codes the reason code that a failure stands for
   */
  public FlowRecorder(Function<Throwable, ReasonCode> codes, InstantSource clock) {
    this.codes = codes;
    this.clock = clock;
  }

  /** The latest first. */
  public List<Flow> flows() {
    return flows.all();
  }

  /** What is known of one trace id. */
  public Optional<Flow> flow(String traceId) {
    return flows.shown(traceId);
  }

  void add(Observer observer) {
    observers.add(observer);
  }

  void remove(Observer observer) {
    observers.remove(observer);
  }

  @Override
  public Processor wrapProcessorInInterceptors(
      CamelContext context, NamedNode definition, Processor target, Processor nextTarget) {
    return new RecordedStep(definition, target);
  }

  private final class RecordedStep extends DelegateAsyncProcessor {
    private final String routeId;
    private final String stepId;
    private final String kind;

    RecordedStep(NamedNode definition, Processor target) {
      super(target);
      this.routeId = CamelContextHelper.getRouteId(definition);
      this.stepId = definition.getId();
      this.kind = definition.getShortName();
    }

    @Override
    public boolean process(Exchange exchange, AsyncCallback callback) {
      String traceId = TraceId.of(exchange);
      String route = routeOf(exchange);
      FlowStep step =
          new FlowStep(route, stepId, kind, exchange.getExchangeId(), System.nanoTime());
      Flow flow = flowOf(traceId, exchange, step);
      flow.add(step);
      for (Observer observer : observers) {
        observer.before(traceId, step);
      }
      boolean judged = judgement(exchange) != null;
      return super.process(
          exchange,
          doneSync -> {
            ReasonCode refusal = refusal(exchange, judged);
            step.end(System.nanoTime(), refusal);
            if (refusal != null) {
              flow.refused(refusal);
              flows.admit(flow);
            }
            for (Observer observer : observers) {
              observer.after(traceId, step);
            }
            callback.done(doneSync);
          });
    }

    /** A step of the error handling belongs to no route, but to the flow it ends. */
    private String routeOf(Exchange exchange) {
      if (routeId != null) {
        return routeId;
      }
      String failed = exchange.getProperty(Exchange.FAILURE_ROUTE_ID, String.class);
      if (failed != null) {
        return failed;
      }
      return exchange.getFromRouteId() == null ? "" : exchange.getFromRouteId();
    }

    @Override
    public String toString() {
      return "recorded " + stepId;
    }
  }

  private Flow flowOf(String traceId, Exchange exchange, FlowStep step) {
    Flow known = flows.find(traceId);
    if (known == null) {
      return flows.begin(
          new Flow(traceId, step.routeId(), clock.instant(), step.beganNanos()), isTick(exchange));
    }
    if (!known.entryRoute().equals(step.routeId())) {
      flows.admit(known);
    }
    return known;
  }

  private static boolean isTick(Exchange exchange) {
    String uri =
        exchange.getFromEndpoint() == null ? "" : exchange.getFromEndpoint().getEndpointBaseUri();
    return TICKS.contains(uri.substring(0, Math.max(0, uri.indexOf(':'))));
  }

  /** The code by which the message is refused; null when it is not, or judges nothing. */
  private static ReasonCode judgement(Exchange exchange) {
    if (exchange.getMessage().getBody() instanceof Judged judged) {
      List<Reason> reasons = judged.reasons();
      return reasons.isEmpty() ? null : reasons.get(0).code();
    }
    return null;
  }

  /** What this step was refused with; null when it went well or found the message refused. */
  private ReasonCode refusal(Exchange exchange, boolean judgedBefore) {
    Throwable failure = exchange.getException();
    if (failure == null && exchange.isRouteStop()) {
      failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Throwable.class);
    }
    if (failure != null) {
      return codes.apply(failure);
    }
    return judgedBefore ? null : judgement(exchange);
  }
}
