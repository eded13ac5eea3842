package dev.serai.app;

import dev.serai.agent.RemoteRoleIdentities;
import dev.serai.app.RouteFiles.RouteFile;
import dev.serai.http.GuardedHttpComponent;
import dev.serai.management.HealthReport;
import dev.serai.management.ManagementServer;
import dev.serai.reason.ReasonCode;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.role.Settings;
import dev.serai.store.Database;
import dev.serai.store.DatabaseException;
import dev.serai.store.SqliteDatabase;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.camel.CamelContext;
import org.apache.camel.main.BaseMainSupport;
import org.apache.camel.main.Main;
import org.apache.camel.main.MainListenerSupport;
import org.apache.camel.spi.UnitOfWorkFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One running process: its roles, their beans and routes. Made once, started once. */
public final class SeraiProcess implements AutoCloseable {
  private static final long LONGEST_DATABASE_WAIT_MILLIS = 10_000;
  private static final Logger LOG = LoggerFactory.getLogger(SeraiProcess.class);

  private final LayeredSettings settings;
  private final List<Role> roles;
  private final Set<String> roleNames;
  private final InstantSource clock;
  private final PrometheusMeterRegistry meters =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final Main main = new Main();
  private final Deque<AutoCloseable> onStop = new ArrayDeque<>();
  private final List<Runnable> afterStart = new ArrayList<>();
  private final Context context = new Context();
  private final Path stateDir;
  private final List<RouteFile> routeFiles;
  private SqliteDatabase database;
  private final CountDownLatch stopping = new CountDownLatch(1);

  /** Roles as serai.roles names them, routes as shipped unless a directory replaces some. */
  public SeraiProcess(LayeredSettings settings, Optional<Path> routesDir) {
    this(settings, RoleCatalog.named(settings.list("serai.roles")), routesDir, Clock.systemUTC());
  }

  /** With roles of a test's own beside the named ones. */
  public static SeraiProcess forTest(
      LayeredSettings settings,
      List<Role> extraRoles,
      Optional<Path> routesDir,
      InstantSource clock) {
    List<Role> roles = new ArrayList<>();
    if (!settings.list("serai.roles").isEmpty()) {
      roles.addAll(RoleCatalog.named(settings.list("serai.roles")));
    }
    roles.addAll(extraRoles);
    return new SeraiProcess(settings, roles, routesDir, clock);
  }

  private SeraiProcess(
      LayeredSettings settings, List<Role> roles, Optional<Path> routesDir, InstantSource clock) {
    this.settings = settings;
    this.roles = List.copyOf(roles);
    this.clock = clock;
    Set<String> names = new LinkedHashSet<>();
    roles.forEach(role -> names.add(role.name()));
    this.roleNames = Set.copyOf(names);
    this.stateDir = Path.of(settings.text("serai.state-dir")).toAbsolutePath();
    settings.text("serai.trust-domain");
    DerivedSettings.fill(settings, stateDir, roleNames);
    this.routeFiles = RouteFiles.of(roleNames, routesDir);
  }

  /** Opens, binds, loads and starts everything; on failure closes what it opened. */
  public void start() {
    try {
      makePrivateDirectory(stateDir);
      makePrivateDirectory(Path.of(settings.text("serai.run-dir")));
      onStop.push(meters::close);
      configureCamel();
      main.addMainListener(
          new MainListenerSupport() {
            @Override
            public void beforeConfigure(BaseMainSupport self) {
              bindAll(self.getCamelContext());
            }
          });
      main.start();
      runAfterStart();
      LOG.info("started roles={} state={}", String.join(",", roleNames), stateDir);
    } catch (RuntimeException e) {
      close();
      throw e;
    } catch (Exception e) {
      close();
      throw new IllegalStateException("start failed", e);
    }
  }

  /** A locked file or a full disk may pass: it is waited for, the process does not end. */
  private SqliteDatabase openWhenItAnswers(Path file) {
    for (long delay = 500; ; delay = Math.min(2 * delay, LONGEST_DATABASE_WAIT_MILLIS)) {
      try {
        return SqliteDatabase.open(file);
      } catch (DatabaseException e) {
        LOG.warn(
            "waiting code={} detail=\"{}\" next-try-ms={}",
            ReasonCode.DATABASE_UNAVAILABLE,
            e.getMessage(),
            delay);
        try {
          if (stopping.await(delay, TimeUnit.MILLISECONDS)) {
            throw e;
          }
        } catch (InterruptedException interrupted) {
          Thread.currentThread().interrupt();
          throw e;
        }
      }
    }
  }

  private void configureCamel() {
    Properties properties = new Properties();
    settings.all().forEach(properties::setProperty);
    main.setDefaultPropertyPlaceholderLocation("false");
    main.setOverrideProperties(properties);
    main.configure()
        .setRoutesIncludePattern(
            routeFiles.stream().map(RouteFile::location).collect(Collectors.joining(",")));
    main.configure()
        .setShutdownTimeout((int) Math.max(1, settings.duration("serai.stop-timeout").toSeconds()));
    main.configure().setShutdownLogInflightExchangesOnTimeout(false);
  }

  private void bindAll(CamelContext camel) {
    UnitOfWorkFactory units = new TracedUnitOfWork.Factory();
    camel.getCamelContextExtension().addContextPlugin(UnitOfWorkFactory.class, units);
    RefuseProcessor refusals = new RefuseProcessor(meters, clock);
    camel.getRegistry().bind("refuse", refusals);
    camel.addComponent("netty-http", new GuardedHttpComponent());
    camel.addComponent("timer", new SteadyTimerComponent());
    ProcessMeters.bind(camel, meters).forEach(onStop::push);
    startManagement(camel, refusals);
    if (!roleNames.contains("issuer")) {
      RemoteRoleIdentities identities = RemoteRoleIdentities.of(context);
      context.bind("roleIdentities", identities);
      context.onStop(identities);
      identities.start();
    }
    roles.forEach(role -> role.bind(context));
  }

  private void startManagement(CamelContext camel, RefuseProcessor refusals) {
    Map<String, String> folders =
        routeFiles.stream().collect(Collectors.toMap(RouteFile::routeId, RouteFile::folder));
    List<String> shown = roles.stream().map(Role::name).toList();
    HealthReport health =
        new HealthReport(camel, shown, id -> folders.getOrDefault(id, ""), refusals, clock);
    String host = settings.text("serai.management.host");
    int port = settings.integer("serai.management.port");
    Path password = stateDir.resolve("hawtio-password");
    try {
      ManagementServer management =
          ManagementServer.start(
              host,
              port,
              settings.list("serai.management.allowed-hosts"),
              health,
              meters::scrape,
              password);
      onStop.push(management);
      LOG.info(
          "management on http://{}:{} console=/hawtio/ user=serai password-file={}",
          host,
          management.port(),
          password);
    } catch (IOException e) {
      throw LayeredSettings.invalid(
          "serai.management.port: cannot listen on %s:%d: %s"
              .formatted(host, port, e.getMessage()));
    }
  }

  private void runAfterStart() {
    for (Runnable action : afterStart) {
      Thread thread = new Thread(() -> runLogged(action), "serai-after-start");
      thread.setDaemon(true);
      thread.start();
    }
  }

  private static void runLogged(Runnable action) {
    try {
      action.run();
    } catch (RuntimeException e) {
      LOG.error("an action after start failed", e);
    }
  }

  public CamelContext camel() {
    return main.getCamelContext();
  }

  public Settings settings() {
    return settings;
  }

  public RoleContext context() {
    return context;
  }

  @Override
  public void close() {
    stopping.countDown();
    closeQuietly("camel", main::stop);
    while (!onStop.isEmpty()) {
      closeQuietly("resource", onStop.pop());
    }
  }

  private static void closeQuietly(String what, AutoCloseable closeable) {
    try {
      closeable.close();
    } catch (Exception e) { // the rest is closed too
      LOG.warn("closing a {} failed", what, e);
    }
  }

  private static void makePrivateDirectory(Path dir) {
    try {
      var mode = PosixFilePermissions.fromString("rwx------");
      if (!Files.isDirectory(dir)) {
        if (dir.getParent() != null) {
          Files.createDirectories(dir.getParent());
        }
        Files.createDirectory(dir, PosixFilePermissions.asFileAttribute(mode));
      }
      Files.setPosixFilePermissions(dir, mode);
    } catch (IOException e) {
      throw LayeredSettings.invalid("cannot make " + dir + ": " + e.getMessage());
    }
  }

  private final class Context implements RoleContext {
    @Override
    public Settings settings() {
      return settings;
    }

    @Override
    public Database database() {
      synchronized (SeraiProcess.this) {
        if (database == null) {
          database = openWhenItAnswers(stateDir.resolve("serai.db"));
          onStop.push(database);
        }
        return database;
      }
    }

    @Override
    public InstantSource clock() {
      return clock;
    }

    @Override
    public MeterRegistry meters() {
      return meters;
    }

    @Override
    public CamelContext camel() {
      return main.getCamelContext();
    }

    @Override
    public Set<String> roles() {
      return roleNames;
    }

    @Override
    public Path stateDir() {
      return stateDir;
    }

    @Override
    public void bind(String name, Object bean) {
      camel().getRegistry().bind(name, bean);
    }

    @Override
    public <T> T find(String name, Class<T> type) {
      T bean = camel().getRegistry().lookupByNameAndType(name, type);
      if (bean == null) {
        throw new IllegalStateException("no bean " + name + " of type " + type.getName());
      }
      return bean;
    }

    @Override
    public void afterStart(Runnable action) {
      afterStart.add(action);
    }

    @Override
    public void onStop(AutoCloseable closeable) {
      synchronized (SeraiProcess.this) {
        onStop.push(closeable);
      }
    }
  }
}
