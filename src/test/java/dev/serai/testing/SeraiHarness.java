package dev.serai.testing;

import dev.serai.app.FreePorts;
import dev.serai.app.LayeredSettings;
import dev.serai.app.SeraiProcess;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.camel.CamelContext;
import org.apache.camel.FluentProducerTemplate;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.Route;

/**
 * Starts any roles in this JVM, with the shipped routes, on free loopback ports and a state
 * directory of its own:
 *
 * <pre>
 * try (SeraiHarness serai = SeraiHarness.roles("issuer", "registrar")
 *     .with("serai.issuer.x", "y").start()) {
 *   serai.template().requestBody("direct:...", body);
 *   serai.bean("issueSvid", ...); serai.port("serai.issuer.port");
 * }
 * </pre>
 */
public final class SeraiHarness implements AutoCloseable {
  private final Map<String, String> overrides = new HashMap<>();
  private final List<Role> extraRoles = new ArrayList<>();
  private Optional<Path> routesDir = Optional.empty();
  private Optional<Path> configFile = Optional.empty();
  private InstantSource clock = Clock.systemUTC();
  private boolean ownState;
  private Path stateDir;
  private SeraiProcess process;

  private SeraiHarness(List<String> roles) {
    overrides.put("serai.roles", String.join(",", roles));
    overrides.put("serai.trust-domain", "test.example");
    FreePorts.assign(overrides);
  }

  /** Roles by name, made as the product makes them; none for {@link #withRole} alone. */
  public static SeraiHarness roles(String... names) {
    return new SeraiHarness(List.of(names));
  }

  /** A property of config/application.properties. */
  public SeraiHarness with(String key, String value) {
    overrides.put(key, value);
    return this;
  }

  /** A role made by the test, for instance with fakes; its name picks the route folder. */
  public SeraiHarness withRole(Role role) {
    extraRoles.add(role);
    return this;
  }

  /** Route files that replace or add, as --routes does. */
  public SeraiHarness withRoutes(Path dir) {
    routesDir = Optional.of(dir);
    return this;
  }

  public SeraiHarness withConfig(Path file) {
    configFile = Optional.of(file);
    return this;
  }

  public SeraiHarness withClock(InstantSource source) {
    clock = source;
    return this;
  }

  /** A state directory that outlives this process; otherwise a new one is removed at the end. */
  public SeraiHarness withStateDir(Path dir) {
    stateDir = dir;
    return this;
  }

  public SeraiHarness start() {
    startAnyway();
    requireStarted();
    return this;
  }

  /** Also with routes that do not start: for tests of just that. */
  public SeraiHarness startAnyway() {
    try {
      if (stateDir == null) {
        stateDir = Files.createTempDirectory("serai");
        ownState = true;
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    overrides.put("serai.state-dir", stateDir.toString());
    LayeredSettings settings = LayeredSettings.load(configFile, Map.of(), overrides);
    process = SeraiProcess.forTest(settings, extraRoles, routesDir, clock);
    process.start();
    return this;
  }

  /** A route that cannot start is tried again for ever; a test wants to know at once. */
  private void requireStarted() {
    for (Route route : camel().getRoutes()) {
      if (!camel().getRouteController().getRouteStatus(route.getRouteId()).isStarted()) {
        String id = route.getRouteId();
        Exception why =
            camel().getRouteController().supervising().getRestartException(id)
                    instanceof Exception e
                ? e
                : null;
        close();
        throw new IllegalStateException("route " + id + " did not start", why);
      }
    }
  }

  public CamelContext camel() {
    return process.camel();
  }

  public RoleContext context() {
    return process.context();
  }

  public ProducerTemplate template() {
    return process.camel().createProducerTemplate();
  }

  public FluentProducerTemplate fluent() {
    return process.camel().createFluentProducerTemplate();
  }

  public <T> T bean(String name, Class<T> type) {
    return process.context().find(name, type);
  }

  public String setting(String key) {
    return process.settings().text(key);
  }

  public int port(String key) {
    return process.settings().integer(key);
  }

  public Path stateDir() {
    return stateDir;
  }

  public SeraiProcess process() {
    return process;
  }

  /** A port nobody listens on now, and that nobody else is given. */
  public static int freePort() {
    return FreePorts.next();
  }

  @Override
  public void close() {
    if (process != null) {
      process.close();
    }
    if (ownState) {
      try (Stream<Path> files = Files.walk(stateDir)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(file);
        }
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
