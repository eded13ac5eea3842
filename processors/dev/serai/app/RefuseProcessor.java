package dev.serai.app;

import dev.serai.http.HttpAnswers;
import dev.serai.http.RefusalForm;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import dev.serai.management.LastFailures;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.Refused;
import dev.serai.role.Meters;
import dev.serai.role.TraceId;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.component.netty.http.NettyHttpEndpoint;

/**
 * The last step of every failed exchange: names the reason, says it once in the log, counts it,
 * makes it the answer, and stops the exchange in this route and in every route that called it.
 */
public final class RefuseProcessor implements Processor, LastFailures {
  private static final String UNKNOWN_ROUTE = "none";

  private final MeterRegistry meters;
  private final InstantSource clock;
  private final RefusalLog log;
  private final Map<String, Failure> lastByRoute = new ConcurrentHashMap<>();
  private volatile Listener listener = (reason, route, traceId) -> {};

  public RefuseProcessor(MeterRegistry meters, InstantSource clock) {
    this.meters = meters;
    this.clock = clock;
    this.log = new RefusalLog(clock);
  }

  /** Hears of every refusal; returns at once. */
  interface Listener {
    void refused(Reason reason, String route, String traceId);
  }

  void alsoTell(Listener one) {
    listener = one;
  }

  /** What the route refused last, if it did since start. */
  @Override
  public Optional<Failure> of(String routeId) {
    return Optional.ofNullable(lastByRoute.get(routeId));
  }

  @Override
  public void process(Exchange exchange) {
    Throwable failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Throwable.class);
    Refusals.Named named = Refusals.name(failure);
    Reason reason = named.reason();
    String route = failedRoute(exchange);
    String traceId = TraceId.of(exchange);
    boolean told = isTrialOfTheTpm(route, reason);
    record(route, reason, traceId);
    if (reason.code() == ReasonCode.INTERNAL_ERROR) {
      meters.counter(ProcessMeters.INTERNAL_ERRORS).increment();
    }
    if (told) {
      log.tellAgain(route, reason, traceId);
    } else {
      log.tell(route, reason, traceId, failure);
    }
    answer(exchange, new Refused(reason, traceId, named.answerDetail()));
    exchange.setRouteStop(true); // Camel 4.18 stops the callers by itself; this does not rest on it
  }

  private static String failedRoute(Exchange exchange) {
    String failed = exchange.getProperty(Exchange.FAILURE_ROUTE_ID, String.class);
    if (failed != null) {
      return failed;
    }
    return exchange.getFromRouteId() == null ? UNKNOWN_ROUTE : exchange.getFromRouteId();
  }

  /** A TPM is tried again for ever; trouble that has not changed was told before. */
  private boolean isTrialOfTheTpm(String route, Reason reason) {
    return reason.code().name().startsWith("TPM_")
        && of(route).filter(last -> last.reason().equals(reason)).isPresent();
  }

  private void record(String route, Reason reason, String traceId) {
    Meters.counter(
            meters,
            "serai.refusals",
            "Refusals, by the route that failed and the reason code",
            "route",
            route,
            "reason",
            reason.code().name())
        .increment();
    lastByRoute.put(route, new Failure(reason, clock.instant(), traceId));
    listener.refused(reason, route, traceId);
  }

  private static void answer(Exchange exchange, Refused refused) {
    exchange.setProperty(Refused.PROPERTY, refused);
    if (!isHttp(exchange)) {
      exchange.getMessage().setBody(refused);
      return;
    }
    RefusalForm form = exchange.getVariable(RefusalForm.VARIABLE, RefusalForm.class);
    HttpAnswer answer = form == null ? httpAnswer(refused) : form.of(refused);
    HttpAnswers.write(exchange, answer);
    if (answer.status() == 429 || answer.status() == 503) {
      exchange.getMessage().setHeader("Retry-After", "1");
    }
    exchange.getMessage().setHeader(HttpAnswers.REASON_HEADER, refused.reason().code().name());
  }

  /** The protocol's own answer where the flow made one, else Keylime's envelope. */
  private static HttpAnswer httpAnswer(Refused refused) {
    if (refused.answerDetail().orElse(null) instanceof HttpAnswer own) {
      return own;
    }
    return HttpAnswer.of(
        Envelope.bare(
            refused.reason().code().kind().httpStatus(),
            refused.reason().code() + ": " + refused.reason().detail()));
  }

  private static boolean isHttp(Exchange exchange) {
    return exchange.getFromEndpoint() instanceof NettyHttpEndpoint;
  }
}
