package dev.serai.management;

import dev.serai.role.Meters;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.CamelContext;
import org.apache.camel.ServiceStatus;
import org.apache.camel.spi.CamelEvent;
import org.apache.camel.spi.RouteController;
import org.apache.camel.support.EventNotifierSupport;
import org.apache.camel.util.backoff.BackOffTimer;

/**
 * What the supervising route controller does, for people: which routes do not start, why, since
 * when, how often it was tried and when it is tried next. It tries for ever.
 */
public final class RouteRestarts extends EventNotifierSupport {
  private final CamelContext camel;
  private final MeterRegistry meters;
  private final Map<String, Trouble> failing = new ConcurrentHashMap<>();

  private RouteRestarts(CamelContext camel, MeterRegistry meters) {
    this.camel = camel;
    this.meters = meters;
  }

  /**
   * A route that does not start.
   *
   * @param cause the last one
   * @param since the first failure in a row
   * @param tries starts that failed
   * @param nextTry empty while it is being tried
   */
  record Trouble(String cause, Instant since, long tries, Optional<Instant> nextTry) {
    Map<String, Object> json() {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("cause", cause);
      json.put("since", since.toString());
      json.put("tries", tries);
      json.put("nextTry", nextTry.map(Instant::toString).orElse(null));
      return json;
    }

    /** For one line. */
    String text() {
      return "%s (tried %d times, next try %s)"
          .formatted(cause, tries, nextTry.map(Instant::toString).orElse("now"));
    }
  }

  /** Follows a context from before its routes are started. */
  public static RouteRestarts follow(CamelContext camel, MeterRegistry meters) {
    RouteRestarts restarts = new RouteRestarts(camel, meters);
    camel.getManagementStrategy().addEventNotifier(restarts);
    Gauge.builder("serai.routes.failed", restarts, RouteRestarts::notStarted)
        .description("Routes that ought to run and do not start")
        .register(meters);
    return restarts;
  }

  @Override
  public boolean isEnabled(CamelEvent event) {
    return event instanceof CamelEvent.RouteRestartingEvent
        || event instanceof CamelEvent.RouteRestartingFailureEvent
        || event instanceof CamelEvent.RouteStartedEvent;
  }

  @Override
  public void notify(CamelEvent event) {
    if (event instanceof CamelEvent.RouteRestartingFailureEvent failure) {
      String id = failure.getRoute().getRouteId();
      String cause = rootOf(failure.getCause());
      Instant now = Instant.now();
      failing.merge(
          id,
          new Trouble(cause, now, 1, Optional.empty()),
          (before, first) ->
              new Trouble(cause, before.since(), before.tries() + 1, Optional.empty()));
    } else if (event instanceof CamelEvent.RouteRestartingEvent restart) {
      Meters.counter(
              meters,
              "serai.route.restarts",
              "Tries to start a route that did not start",
              "route",
              restart.getRoute().getRouteId())
          .increment();
    } else if (event instanceof CamelEvent.RouteStartedEvent started) {
      failing.remove(started.getRoute().getRouteId());
    }
  }

  /** What keeps a route from starting, if something does. */
  Optional<Trouble> of(String routeId) {
    Trouble known = failing.get(routeId);
    if (known == null) {
      return Optional.empty();
    }
    return Optional.of(new Trouble(known.cause(), known.since(), known.tries(), nextTry(routeId)));
  }

  private Optional<Instant> nextTry(String routeId) {
    RouteController controller = camel.getRouteController();
    return controller.isSupervising()
        ? Optional.ofNullable(controller.supervising().getRestartingRouteState(routeId))
            .map(BackOffTimer.Task::getNextAttemptTime)
            .filter(at -> at > 0)
            .map(Instant::ofEpochMilli)
        : Optional.empty();
  }

  private double notStarted() {
    ExpectedRoutes expected = camel.getRegistry().findSingleByType(ExpectedRoutes.class);
    long missing = expected == null ? 0 : expected.missing().size();
    return missing
        + failing.keySet().stream()
            .filter(
                id -> {
                  ServiceStatus status = camel.getRouteController().getRouteStatus(id);
                  return status == null || !status.isStarted();
                })
            .count();
  }

  private static String rootOf(Throwable failure) {
    Throwable root = failure;
    while (root != null && root.getCause() != null && root.getCause() != root) {
      root = root.getCause();
    }
    return root == null ? "unknown" : String.valueOf(root.getMessage());
  }
}
