package dev.serai.app;

import dev.serai.app.RouteFiles.RouteFile;
import dev.serai.management.ExpectedRoutes;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.camel.CamelContext;
import org.apache.camel.RoutesBuilder;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.builder.RouteBuilderLifecycleStrategy;
import org.apache.camel.model.Model;
import org.apache.camel.model.OnExceptionDefinition;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.support.PluginHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes over changed route files while the process runs. A route is replaced when nothing of it is
 * in flight any more; the rest runs on. When one of the new routes cannot be made, what was there
 * before is put back.
 */
final class RouteReload {
  /** How long a route may take to end what is in flight before it is replaced. */
  static final Duration IN_FLIGHT = Duration.ofSeconds(10);

  private static final Logger LOG = LoggerFactory.getLogger(RouteReload.class);

  /** Its routes do not start as they are added. */
  private static final RouteBuilderLifecycleStrategy AT_REST =
      new RouteBuilderLifecycleStrategy() {
        @Override
        public void afterConfigure(RouteBuilder builder) {
          builder.getRouteCollection().getRoutes().forEach(route -> route.setAutoStartup("false"));
        }
      };

  private final CamelContext camel;
  private final Supplier<Duration> inFlight;
  private Map<String, Loaded> loaded;

  /** A file as the running context has it. */
  private record Loaded(RouteFile file, String text, Set<String> ids, Set<String> stepIds) {
    static Loaded of(RouteFile file, String text, List<RouteDefinition> routes) {
      Set<String> ids = new TreeSet<>();
      Set<String> stepIds = new TreeSet<>();
      for (RouteDefinition route : routes) {
        ids.add(route.getRouteId());
        stepIds.addAll(RouteLint.stepIds(route));
      }
      return new Loaded(file, text, ids, stepIds);
    }

    /** Of routes and steps, which share one namespace. */
    Set<String> names() {
      Set<String> names = new TreeSet<>(ids);
      names.addAll(stepIds);
      return names;
    }
  }

  /** What one file becomes; null for a file that is gone, or was not there. */
  private record Step(Loaded before, Loaded after) {
    RouteFile file() {
      return after == null ? before.file() : after.file();
    }
  }

  /**
   * What a reload would do.
   *
   * @param steps in the order in which they are made
   * @param restart files that only a start reads
   */
  record Plan(List<Step> steps, List<String> restart) {}

  /** With the files that were loaded at start. */
  RouteReload(CamelContext camel, List<RouteFile> files, Supplier<Duration> inFlight) {
    this.camel = camel;
    this.inFlight = inFlight;
    this.loaded = new TreeMap<>();
    Map<String, List<RouteDefinition>> routes = new HashMap<>();
    for (RouteDefinition route : model().getRouteDefinitions()) {
      if (route.getResource() != null) {
        routes
            .computeIfAbsent(route.getResource().getLocation(), l -> new ArrayList<>())
            .add(route);
      }
    }
    for (RouteFile file : files) {
      List<RouteDefinition> own = routes.getOrDefault(file.location(), List.of());
      loaded.put(file.name(), Loaded.of(file, RouteLint.text(file), own));
    }
  }

  private Model model() {
    return camel.getCamelContextExtension().getContextPlugin(Model.class);
  }

  /**
   * Compares and checks; changes nothing.
   *
   * @throws RefusalException ROUTE_INVALID
   */
  Plan plan(List<RouteFile> files) {
    List<Step> steps = new ArrayList<>();
    List<String> restart = new ArrayList<>();
    Map<String, Loaded> gone = new TreeMap<>(loaded);
    for (RouteFile file : files) {
      Loaded before = gone.remove(file.name());
      String text = RouteLint.text(file);
      if (before != null && before.text().equals(text) && isThere(before)) {
        continue;
      }
      boolean routesOnly =
          RouteLint.isRoutesOnly(file, text)
              && (before == null || RouteLint.isRoutesOnly(before.file(), before.text()));
      List<RouteDefinition> routes = RouteLint.check(file, text);
      if (!routesOnly) {
        restart.add(file.name());
        continue;
      }
      routes.forEach(route -> RouteLint.checkAgainst(camel, file, route));
      steps.add(new Step(before, Loaded.of(file, text, routes)));
    }
    gone.values()
        .forEach(
            before -> {
              if (RouteLint.isRoutesOnly(before.file(), before.text())) {
                steps.add(0, new Step(before, null)); // its ids may come back in another file
              } else {
                restart.add(before.file().name());
              }
            });
    requireUniqueIds(steps);
    return new Plan(List.copyOf(steps), List.copyOf(restart));
  }

  private boolean isThere(Loaded file) {
    return file.ids().stream().allMatch(id -> camel.getRoute(id) != null);
  }

  /** Whether routes are gone that could not be put back. */
  boolean isMissing() {
    return !loaded.values().stream().allMatch(this::isThere);
  }

  /**
   * Tries once more.
   *
   * @return whether all are there now
   */
  boolean putBackMissing() {
    for (Loaded file : loaded.values()) {
      if (!isThere(file)) {
        putBack(file);
      }
    }
    return !isMissing();
  }

  private void requireUniqueIds(List<Step> steps) {
    Map<String, RouteFile> owners = new HashMap<>();
    Set<String> changed = new TreeSet<>();
    steps.forEach(step -> changed.add(step.file().name()));
    loaded.forEach(
        (name, file) -> {
          if (!changed.contains(name)) {
            file.names().forEach(id -> owners.put(id, file.file()));
          }
        });
    for (Step step : steps) {
      if (step.after() != null) {
        for (String id : step.after().names()) {
          RouteFile other = owners.put(id, step.file());
          if (other != null) {
            throw RouteLint.refused(
                step.file(), "the id %s is taken by %s".formatted(id, other.name()));
          }
        }
      }
    }
  }

  /**
   * Makes the changes of a plan.
   *
   * @param record puts them on record; when it fails they are undone
   * @return what was done, for people
   * @throws RefusalException ROUTE_INVALID or DEADLINE_EXCEEDED; everything is as before then
   */
  List<String> apply(Plan plan, Runnable record) {
    List<String> done = new ArrayList<>();
    List<Step> made = new ArrayList<>();
    for (Step step : plan.steps()) {
      try {
        make(step);
      } catch (RefusalException e) {
        undo(made);
        throw e;
      }
      made.add(step);
      done.add(words(step));
    }
    try {
      record.run();
    } catch (RuntimeException e) {
      undo(made);
      throw e;
    }
    for (Step step : made) {
      expected()
          .replace(
              step.before() == null ? Set.of() : step.before().ids(),
              step.after() == null ? Set.of() : step.after().ids());
    }
    Map<String, Loaded> now = new TreeMap<>(loaded);
    for (Step step : made) {
      if (step.after() == null) {
        now.remove(step.file().name());
      } else {
        now.put(step.file().name(), step.after());
      }
    }
    loaded = now;
    return done;
  }

  private void undo(List<Step> made) {
    for (int i = made.size() - 1; i >= 0; i--) {
      undo(made.get(i));
    }
  }

  private ExpectedRoutes expected() {
    return camel.getRegistry().findSingleByType(ExpectedRoutes.class);
  }

  private static String words(Step step) {
    String what = step.before() == null ? "added" : step.after() == null ? "removed" : "replaced";
    return step.file().name() + " " + what;
  }

  private void make(Step step) {
    if (step.before() != null) {
      remove(step.before());
    }
    if (step.after() == null) {
      return;
    }
    try {
      load(step.after());
    } catch (Exception e) {
      undo(step);
      throw RouteLint.refused(step.file(), RouteLint.oneLine(RouteLint.rootOf(e)));
    }
  }

  /**
   * A route runs only once it is known to be made as it should be. The supervising controller
   * leaves routes alone that come after the start.
   */
  private void load(Loaded file) throws Exception {
    for (RoutesBuilder builder :
        PluginHelper.getRoutesLoader(camel)
            .findRoutesBuilders(RouteLint.resource(file.file(), file.text()))) {
      ((RouteBuilder) builder).addLifecycleInterceptor(AT_REST);
      camel.addRoutes(builder);
    }
    requireRefusals(file);
    for (String id : file.ids()) {
      if (!camel.getRouteController().getRouteStatus(id).isStarted()) {
        camel.getRouteController().startRoute(id);
      }
    }
  }

  /** The general error handling applies to it, or it would fail open. */
  private void requireRefusals(Loaded file) {
    for (String id : file.ids()) {
      RouteDefinition route = model().getRouteDefinition(id);
      boolean handled =
          route != null
              && route.getOutputs().stream()
                  .anyMatch(
                      step ->
                          step instanceof OnExceptionDefinition handler
                              && handler.getExceptions().contains("java.lang.Exception"));
      if (!handled) {
        throw new IllegalStateException("the error handling of all routes does not reach " + id);
      }
    }
  }

  /** In flight exchanges end first; when they do not, nothing is changed. */
  private void remove(Loaded file) {
    List<String> stopped = new ArrayList<>();
    for (String id : file.ids()) {
      if (camel.getRoute(id) == null) {
        continue;
      }
      Duration patience = inFlight.get();
      boolean ended;
      try {
        ended =
            camel
                .getRouteController()
                .stopRoute(id, patience.toMillis(), TimeUnit.MILLISECONDS, true);
      } catch (Exception e) {
        LOG.warn("route {} does not stop", id, e);
        ended = false;
      }
      stopped.add(id);
      if (!ended) {
        stopped.forEach(this::start);
        throw new RefusalException(
            ReasonCode.DEADLINE_EXCEEDED,
            "%s: exchanges of %s are still under way after %s; it goes on as it was"
                .formatted(file.file().name(), id, patience));
      }
    }
    stopped.forEach(this::forget);
  }

  private void start(String id) {
    try {
      camel.getRouteController().startRoute(id);
      camel.getRouteController().resumeRoute(id);
    } catch (Exception e) {
      LOG.error("route {} does not start again", id, e);
    }
  }

  private void forget(String id) {
    try {
      camel.removeRoute(id);
      RouteDefinition left = model().getRouteDefinition(id);
      if (left != null) {
        model().removeRouteDefinition(left);
      }
    } catch (Exception e) {
      LOG.error("route {} cannot be removed", id, e);
    }
  }

  private void undo(Step step) {
    if (step.after() != null) {
      for (String id : step.after().ids()) {
        try {
          camel.getRouteController().stopRoute(id, 1, TimeUnit.SECONDS);
        } catch (Exception e) {
          LOG.debug("route {} was not there yet", id, e);
        }
        forget(id);
      }
    }
    if (step.before() != null) {
      putBack(step.before());
    }
  }

  private void putBack(Loaded file) {
    file.ids().forEach(this::forget);
    try {
      load(file);
    } catch (Exception e) {
      file.ids().forEach(this::forget);
      String why =
          "%s cannot be put back: %s"
              .formatted(file.file().name(), RouteLint.oneLine(RouteLint.rootOf(e)));
      LOG.error("code={} detail=\"{}\"", ReasonCode.ROUTE_MISSING, why);
      expected().lost(file.ids(), why);
    }
  }
}
