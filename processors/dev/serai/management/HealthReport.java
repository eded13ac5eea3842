package dev.serai.management;

import dev.serai.breaker.Breakers;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.role.RoleHealth;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.apache.camel.CamelContext;
import org.apache.camel.Route;
import org.apache.camel.ServiceStatus;
import org.apache.camel.api.management.ManagedCamelContext;
import org.apache.camel.api.management.mbean.ManagedRouteMBean;

/** Health of a process, its roles and its routes, as plain values for JSON. */
public final class HealthReport implements AutoCloseable {
  private final CamelContext camel;
  private final List<String> roles;
  private final Function<String, String> roleOfRoute;
  private final LastFailures failures;
  private final InstantSource clock;
  private final Instant started;
  private final RoleProbe probe = new RoleProbe();
  private final Vitals vitals;

  /**
   * @param roleOfRoute the role, or "common", that a route id belongs to
   */
  public HealthReport(
      CamelContext camel,
      List<String> roles,
      Function<String, String> roleOfRoute,
      LastFailures failures,
      InstantSource clock) {
    this.camel = camel;
    this.roles = List.copyOf(roles);
    this.roleOfRoute = roleOfRoute;
    this.failures = failures;
    this.clock = clock;
    this.started = clock.instant();
    this.vitals = new Vitals(camel);
  }

  /** Whether the process can go on by itself. */
  public Vitals vitals() {
    return vitals;
  }

  /** For each role why it is not ready; empty for one that is. */
  Map<String, Optional<String>> roleReasons() {
    Map<String, Optional<String>> reasons = new LinkedHashMap<>();
    for (Map<String, Object> role : roles()) {
      reasons.put(
          String.valueOf(role.get("role")),
          role.get("reason") instanceof Map<?, ?> reason
              ? Optional.of(reason.get("code") + ": " + reason.get("detail"))
              : Optional.empty());
    }
    return reasons;
  }

  /** Why roles cannot be judged yet. */
  Optional<String> notStarted() {
    return camel.isStarted()
        ? Optional.empty()
        : Optional.of(ReasonCode.STARTING + ": routes are being started");
  }

  /** Everything. */
  public Map<String, Object> all() {
    List<Map<String, Object>> roleViews = roles();
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("ready", allReady(roleViews));
    view.put("uptimeSeconds", Duration.between(started, clock.instant()).toSeconds());
    view.put("roles", roleViews);
    view.put("breakers", breakers());
    view.put("routes", routes());
    return view;
  }

  private Map<String, Object> breakers() {
    Breakers breakers = camel.getRegistry().lookupByNameAndType(Breakers.BEAN, Breakers.class);
    return breakers == null ? Map.of() : BreakerBeans.view(breakers);
  }

  /** Ready when every role is. */
  public Map<String, Object> readiness() {
    List<Map<String, Object>> roleViews = roles();
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("ready", allReady(roleViews));
    view.put("roles", roleViews);
    return view;
  }

  /** Whether one role can do its work. */
  public boolean ready(String role) {
    return camel.isStarted() && Boolean.TRUE.equals(role(role).get("ready"));
  }

  private boolean allReady(List<Map<String, Object>> roleViews) {
    return camel.isStarted()
        && roleViews.stream().allMatch(role -> Boolean.TRUE.equals(role.get("ready")));
  }

  private List<Map<String, Object>> roles() {
    return roles.stream().map(this::role).toList();
  }

  private Map<String, Object> role(String name) {
    RoleHealth health =
        camel.getRegistry().lookupByNameAndType("roleHealth-" + name, RoleHealth.class);
    RoleHealth.Standing own =
        health == null ? RoleHealth.Standing.ready("RUNNING") : probe.ask(name, health);
    Optional<Reason> notReady = stoppedRoute(name).or(own::notReady);
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("role", name);
    view.put("ready", notReady.isEmpty());
    view.put("state", own.state());
    view.put("reason", notReady.map(HealthReport::reason).orElse(null));
    view.put("facts", own.facts());
    return view;
  }

  private Optional<Reason> stoppedRoute(String role) {
    if (camel.isStopping() || camel.isStopped()) {
      return Optional.of(new Reason(ReasonCode.NOT_RUNNING, "the process is stopping"));
    }
    if (!camel.isStarted()) {
      return Optional.of(new Reason(ReasonCode.STARTING, "routes are being started"));
    }
    Optional<Reason> missed =
        expected()
            .flatMap(
                routes ->
                    routes.missing().stream()
                        .filter(id -> roleOfRoute.apply(id).equals(role))
                        .findFirst()
                        .flatMap(routes::missed));
    if (missed.isPresent()) {
      return missed;
    }
    return camel.getRoutes().stream()
        .map(Route::getRouteId)
        .filter(id -> roleOfRoute.apply(id).equals(role))
        .filter(id -> !status(id).isStarted())
        .findFirst()
        .map(
            id ->
                new Reason(
                    ReasonCode.ROUTE_STOPPED,
                    "route " + id + " is " + status(id) + restartTrouble(id)));
  }

  private Optional<ExpectedRoutes> expected() {
    return Optional.ofNullable(camel.getRegistry().findSingleByType(ExpectedRoutes.class));
  }

  private ServiceStatus status(String routeId) {
    ServiceStatus status = camel.getRouteController().getRouteStatus(routeId);
    return status == null ? ServiceStatus.Stopped : status;
  }

  private String restartTrouble(String routeId) {
    return restarts(routeId).map(trouble -> ": " + trouble.text()).orElse("");
  }

  private Optional<RouteRestarts.Trouble> restarts(String routeId) {
    return Optional.ofNullable(camel.getRegistry().findSingleByType(RouteRestarts.class))
        .flatMap(restarts -> restarts.of(routeId));
  }

  /** All routes, by id. */
  public List<Map<String, Object>> routes() {
    List<Map<String, Object>> views = new ArrayList<>();
    camel.getRoutes().stream()
        .sorted(Comparator.comparing(Route::getRouteId))
        .forEach(route -> views.add(view(route)));
    expected()
        .ifPresent(
            routes ->
                routes
                    .missing()
                    .forEach(
                        id ->
                            routes.missed(id).map(why -> missing(id, why)).ifPresent(views::add)));
    return views;
  }

  /** One route. */
  public Optional<Map<String, Object>> route(String id) {
    return Optional.ofNullable(camel.getRoute(id))
        .map(this::view)
        .or(
            () ->
                expected().flatMap(routes -> routes.missed(id)).map(reason -> missing(id, reason)));
  }

  /** In place of a route that is not there. */
  private Map<String, Object> missing(String id, Reason why) {
    Map<String, Object> failed = reason(why);
    failed.put("at", clock.instant().toString());
    failed.put("traceId", "");
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("id", id);
    view.put("role", roleOfRoute.apply(id));
    view.put("description", "");
    view.put("state", "Missing");
    view.put("started", false);
    view.put("exchanges", exchanges(id));
    view.put("restart", null);
    view.put("lastFailure", failed);
    return view;
  }

  private Map<String, Object> view(Route route) {
    String id = route.getRouteId();
    ServiceStatus status = status(id);
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("id", id);
    view.put("role", roleOfRoute.apply(id));
    view.put("description", Optional.ofNullable(route.getDescription()).orElse(""));
    view.put("state", status.name());
    view.put("started", status.isStarted());
    view.put("exchanges", exchanges(id));
    view.put("restart", restarts(id).map(RouteRestarts.Trouble::json).orElse(null));
    view.put("lastFailure", failures.of(id).map(HealthReport::failure).orElse(null));
    return view;
  }

  private Map<String, Object> exchanges(String id) {
    ManagedCamelContext managed =
        camel.getCamelContextExtension().getContextPlugin(ManagedCamelContext.class);
    ManagedRouteMBean route = managed == null ? null : managed.getManagedRoute(id);
    Map<String, Object> counts = new LinkedHashMap<>();
    counts.put("total", route == null ? 0 : route.getExchangesTotal());
    counts.put(
        "failed", route == null ? 0 : route.getExchangesFailed() + route.getFailuresHandled());
    counts.put("inflight", route == null ? 0 : route.getExchangesInflight());
    return counts;
  }

  private static Map<String, Object> failure(LastFailures.Failure failure) {
    Map<String, Object> view = reason(failure.reason());
    view.put("at", failure.at().toString());
    view.put("traceId", failure.traceId());
    return view;
  }

  private static Map<String, Object> reason(Reason reason) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("code", reason.code().name());
    view.put("detail", reason.detail());
    view.put("remedy", reason.remedy());
    return view;
  }

  @Override
  public void close() {
    probe.close();
  }
}
