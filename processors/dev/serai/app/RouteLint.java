package dev.serai.app;

import dev.serai.app.RouteFiles.RouteFile;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.camel.CamelContext;
import org.apache.camel.Processor;
import org.apache.camel.RoutesBuilder;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.model.OnExceptionDefinition;
import org.apache.camel.model.ProcessDefinition;
import org.apache.camel.model.ProcessorDefinition;
import org.apache.camel.model.ProcessorDefinitionHelper;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.model.ToDefinition;
import org.apache.camel.model.TryDefinition;
import org.apache.camel.spi.Resource;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/** Looks at a route file before the running process takes it. Changes nothing. */
final class RouteLint {
  private static final Set<String> ROUTES = Set.of("route", "from");
  private static final String CLASSPATH = "classpath:";
  private static final int MAX_SIZE = 1 << 20;

  private RouteLint() {}

  /** The text of a file. */
  static String text(RouteFile file) {
    String location = file.location();
    try (InputStream in =
        location.startsWith(CLASSPATH)
            ? RouteLint.class
                .getClassLoader()
                .getResourceAsStream(location.substring(CLASSPATH.length()))
            : Files.newInputStream(Path.of(location.substring("file:".length())))) {
      if (in == null) {
        throw refused(file, "it is not in the jar");
      }
      byte[] bytes = in.readNBytes(MAX_SIZE + 1);
      if (bytes.length > MAX_SIZE) {
        throw refused(file, "it is larger than 1 MiB");
      }
      return new String(bytes, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw refused(file, "it cannot be read: " + e.getMessage());
    }
  }

  /** What a file has to say, with the location that its routes remember. */
  static Resource resource(RouteFile file, String text) {
    return ResourceHelper.fromString(file.location(), text);
  }

  static RefusalException refused(RouteFile file, String why) {
    return new RefusalException(
        ReasonCode.ROUTE_INVALID,
        file.location().replaceFirst("^(file|classpath):", "") + ": " + why);
  }

  /** Whether there is anything in it but routes: that is read at start only. */
  static boolean isRoutesOnly(RouteFile file, String text) {
    Object document;
    try {
      document = new Load(LoadSettings.builder().build()).loadFromString(text);
    } catch (YamlEngineException e) {
      throw refused(file, "no YAML: " + oneLine(e.getMessage()));
    }
    return document instanceof List<?> items
        && items.stream()
            .allMatch(item -> item instanceof Map<?, ?> map && ROUTES.containsAll(map.keySet()));
  }

  /**
   * What the file alone shows.
   *
   * @return the routes
   * @throws RefusalException ROUTE_INVALID
   */
  static List<RouteDefinition> check(RouteFile file, String text) {
    List<RouteDefinition> routes = parse(file, text);
    Set<String> ids = new HashSet<>();
    Set<String> stepIds = new HashSet<>();
    for (RouteDefinition route : routes) {
      if (!route.hasCustomIdAssigned()) {
        throw refused(file, "a route has no id");
      }
      if (!ids.add(route.getRouteId())) {
        throw refused(file, "two routes have the id " + route.getRouteId());
      }
      checkSteps(file, route, stepIds);
    }
    return routes;
  }

  private static List<RouteDefinition> parse(RouteFile file, String text) {
    List<RouteDefinition> routes = new ArrayList<>();
    // One that is never started: what parsing makes stays in it.
    try (CamelContext scratch = new DefaultCamelContext()) {
      for (RoutesBuilder builder :
          PluginHelper.getRoutesLoader(scratch).findRoutesBuilders(resource(file, text))) {
        if (builder instanceof RouteBuilder routeBuilder) {
          routes.addAll(routeBuilder.configureRoutes(scratch).getRoutes());
        }
      }
    } catch (Exception e) {
      throw refused(file, oneLine(rootOf(e)));
    }
    return routes;
  }

  private static void checkSteps(RouteFile file, RouteDefinition route, Set<String> stepIds) {
    String id = route.getRouteId();
    for (ProcessorDefinition<?> step : steps(route)) {
      if (step.hasCustomIdAssigned() && !stepIds.add(step.getId())) {
        throw refused(file, "two steps have the id " + step.getId());
      }
      if (step instanceof TryDefinition) {
        throw refused(file, id + " has a doTry, which walks on after a failure");
      }
      if (step instanceof OnExceptionDefinition) {
        throw refused(
            file, id + " has an onException of its own; failures are handled in one place");
      }
    }
  }

  /** The ids that its author gave to the steps of a route. */
  static Set<String> stepIds(RouteDefinition route) {
    Set<String> ids = new HashSet<>();
    for (ProcessorDefinition<?> step : steps(route)) {
      if (step.hasCustomIdAssigned()) {
        ids.add(step.getId());
      }
    }
    return ids;
  }

  @SuppressWarnings("rawtypes") // as the model has it
  private static List<ProcessorDefinition<?>> steps(RouteDefinition route) {
    List<ProcessorDefinition<?>> steps = new ArrayList<>();
    for (ProcessorDefinition step :
        ProcessorDefinitionHelper.filterTypeInOutputs(
            route.getOutputs(), ProcessorDefinition.class)) {
      steps.add(step);
    }
    return steps;
  }

  /**
   * What a route wants is in the running context: beans, components, properties.
   *
   * @throws RefusalException ROUTE_INVALID
   */
  static void checkAgainst(CamelContext camel, RouteFile file, RouteDefinition route) {
    String id = route.getRouteId();
    checkUri(camel, file, id, route.getInput().getEndpointUri());
    for (ProcessorDefinition<?> step : steps(route)) {
      if (step instanceof ProcessDefinition process) {
        String name = resolved(camel, file, id, process.getRef()).replaceFirst("^#bean:|^#", "");
        if (camel.getRegistry().lookupByNameAndType(name, Processor.class) == null) {
          throw refused(file, "%s wants the bean %s, which is not here".formatted(id, name));
        }
      }
      if (step instanceof ToDefinition to) {
        checkUri(camel, file, id, to.getEndpointUri());
      }
    }
  }

  private static void checkUri(CamelContext camel, RouteFile file, String id, String uri) {
    String resolved = resolved(camel, file, id, uri);
    int colon = resolved.indexOf(':');
    String scheme = colon < 0 ? resolved : resolved.substring(0, colon);
    if (camel.getComponent(scheme, true, false) == null) {
      throw refused(file, "%s wants the component %s, which is not here".formatted(id, scheme));
    }
  }

  private static String resolved(CamelContext camel, RouteFile file, String id, String text) {
    try {
      return camel.resolvePropertyPlaceholders(text);
    } catch (IllegalArgumentException e) {
      throw refused(file, id + ": " + oneLine(rootOf(e)));
    }
  }

  /** The text of the failure that began it. */
  static String rootOf(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null && root.getCause() != root) {
      root = root.getCause();
    }
    return Optional.ofNullable(root.getMessage()).orElse(root.getClass().getSimpleName());
  }

  static String oneLine(String text) {
    return String.valueOf(text).replaceAll("\\s+", " ").strip();
  }
}
