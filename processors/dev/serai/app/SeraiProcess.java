package dev.serai.app;

import dev.serai.agent.RemoteRoleIdentities;
import dev.serai.app.RouteFiles.RouteFile;
import dev.serai.backup.Restore;
import dev.serai.breaker.BreakerState;
import dev.serai.breaker.Breakers;
import dev.serai.dashboard.Dashboard;
import dev.serai.flow.FlowConsole;
import dev.serai.flow.FlowRecorder;
import dev.serai.flow.Timeline;
import dev.serai.http.GuardedHttpComponent;
import dev.serai.management.BreakerBeans;
import dev.serai.management.ExpectedRoutes;
import dev.serai.management.HealthReport;
import dev.serai.management.ManagementServer;
import dev.serai.management.RouteRestarts;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Reloadable;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.role.Settings;
import dev.serai.rpc.RpcServer;
import dev.serai.service.BoundedClose;
import dev.serai.signing.FastCurves;
import dev.serai.store.Database;
import dev.serai.store.DatabaseException;
import dev.serai.store.SqliteDatabase;
import dev.serai.store.StateLock;
import dev.serai.tracing.Tracing;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.apache.camel.CamelContext;
import org.apache.camel.PropertyBindingException;
import org.apache.camel.Route;
import org.apache.camel.main.BaseMainSupport;
import org.apache.camel.main.Main;
import org.apache.camel.main.MainListenerSupport;
import org.apache.camel.spi.UnitOfWorkFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One running process: its roles, their beans and routes. Made once, started once. */
public final class SeraiProcess implements AutoCloseable {
  private static final long LONGEST_DATABASE_WAIT_MILLIS = 10_000;

  /** RunCommand ends the process after ten seconds. */
  private static final Duration LONGEST_CLOSE = Duration.ofSeconds(9);

  private static final Duration ROUTES_MARGIN = Duration.ofMillis(2500);
  private static final Duration RESOURCE_PATIENCE = Duration.ofSeconds(2);
  private static final Duration LONGEST_LOCK_WAIT = Duration.ofSeconds(10);
  private static final Logger LOG = LoggerFactory.getLogger(SeraiProcess.class);

  private final LayeredSettings settings;
  private final List<Role> roles;
  private final Set<String> roleNames;
  private final InstantSource clock;
  private final PrometheusMeterRegistry meters =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final Main main = new Main();
  private final Deque<AutoCloseable> onStop = new ConcurrentLinkedDeque<>();
  private final FlowRecorder flows;
  private final Timeline timeline;
  private final List<Runnable> afterStart = new ArrayList<>();
  private final Context context = new Context();
  private final Path stateDir;
  private final List<RouteFile> routeFiles;
  private final Optional<Path> routesDir;
  private final List<Reloadable> reloadables = new CopyOnWriteArrayList<>();
  private final Map<String, String> foldersOfRoutes = new ConcurrentHashMap<>();
  private SqliteDatabase database;
  private Database measured;
  private ProcessRecord record;
  private final CountDownLatch stopping = new CountDownLatch(1);
  private final AtomicBoolean closing = new AtomicBoolean();
  private HealthReport health;

  /** Roles as serai.roles names them, routes as shipped unless a directory replaces some. */
  public SeraiProcess(LayeredSettings settings, Optional<Path> routesDir) {
    this(settings, checkedRoles(settings), routesDir, Clock.systemUTC());
  }

  /** Whatever is wrong is said before any role is made. */
  private static List<Role> checkedRoles(LayeredSettings settings) {
    List<String> wanted = RoleCatalog.wanted(settings);
    ConfigRules.require(settings, RoleCatalog.known(wanted));
    return RoleCatalog.named(wanted);
  }

  /** With roles of a test's own beside the named ones. */
  public static SeraiProcess forTest(
      LayeredSettings settings,
      List<Role> extraRoles,
      Optional<Path> routesDir,
      InstantSource clock) {
    List<Role> roles = new ArrayList<>();
    if (!settings.list("serai.roles").isEmpty()) {
      roles.addAll(RoleCatalog.named(RoleCatalog.wanted(settings)));
    }
    roles.addAll(extraRoles);
    return new SeraiProcess(settings, roles, routesDir, clock);
  }

  private SeraiProcess(
      LayeredSettings settings, List<Role> roles, Optional<Path> routesDir, InstantSource clock) {
    this.settings = settings;
    this.roles = List.copyOf(roles);
    this.clock = clock;
    this.flows = new FlowRecorder(failure -> Refusals.name(failure).reason().code(), clock);
    this.timeline = new Timeline(clock);
    Set<String> names = new LinkedHashSet<>();
    roles.forEach(role -> names.add(role.name()));
    this.roleNames = Set.copyOf(names);
    ConfigRules.require(settings, roleNames);
    this.stateDir = Path.of(settings.text("serai.state-dir")).toAbsolutePath();
    this.routesDir = routesDir;
    this.routeFiles = routeFilesNow();
    routeFiles.stream()
        .filter(file -> file.location().startsWith("file:"))
        .forEach(file -> RouteLint.check(file, RouteLint.text(file)));
    ownRoutes(routeFiles);
  }

  /** As the directory of routes is now. */
  List<RouteFile> routeFilesNow() {
    return RouteFiles.of(roleNames, routesDir);
  }

  /** The files that were there at start. */
  List<RouteFile> routeFiles() {
    return routeFiles;
  }

  /** By our convention the file is named after its route: its folder is the route's role. */
  final void ownRoutes(List<RouteFile> files) {
    foldersOfRoutes.putAll(
        files.stream()
            .collect(Collectors.toMap(RouteFile::routeId, RouteFile::folder, (a, b) -> b)));
  }

  Set<String> roleNames() {
    return roleNames;
  }

  ProcessRecord record() {
    return record;
  }

  List<Reloadable> reloadables() {
    return reloadables;
  }

  /** The settings with their origins. */
  LayeredSettings effective() {
    return settings;
  }

  /** Opens, binds, loads and starts everything; on failure closes what it opened. */
  public void start() {
    try {
      makePrivateDirectory(stateDir);
      onStop.push(StateLock.hold(stateDir, LONGEST_LOCK_WAIT));
      Restore.finish(stateDir);
      if (!roleNames.equals(Set.of("agent"))) { // which connects rarely, and is to be small
        FastCurves.install();
      }
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
      CamelContext camel = main.getCamelContext();
      camel.getRegistry().bind("expectedRoutes", ExpectedRoutes.of(camel));
      ProcessMeters.bindQueues(camel, meters);
      record.started();
      onStop.push(
          FlowConsole.open(
              main.getCamelContext(),
              flows,
              clock,
              settings.flag("serai.management.console-debug")));
      runAfterStart();
      LOG.info("started roles={} state={}", String.join(",", roleNames), stateDir);
    } catch (RuntimeException e) {
      close();
      throw refusedByCamel(e).map(this::invalidCamelKey).orElse(e);
    } catch (Exception e) {
      close();
      if (refusedByCamel(e).isPresent()) {
        throw invalidCamelKey(refusedByCamel(e).get());
      }
      throw new IllegalStateException("start failed", e);
    }
  }

  /** A camel.* key that Camel does not know or cannot read. */
  private static Optional<PropertyBindingException> refusedByCamel(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof PropertyBindingException binding) {
        return Optional.of(binding);
      }
    }
    return Optional.empty();
  }

  private RuntimeException invalidCamelKey(PropertyBindingException e) {
    String key =
        settings.values().keySet().stream()
            .filter(name -> name.startsWith("camel.") && e.getPropertyName() != null)
            .filter(name -> flat(name).endsWith(flat(e.getPropertyName())))
            .filter(name -> !settings.where(name).equals("default"))
            .findFirst()
            .map(name -> name + " from " + settings.where(name))
            .orElse("a camel.* key");
    return LayeredSettings.invalid("%s is refused by Camel: %s".formatted(key, e.getMessage()));
  }

  private static String flat(String name) {
    return name.toLowerCase(Locale.ROOT).replace("-", "");
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
    main.configure().routeControllerConfig().setBackOffDelay(millis("serai.routes.retry-first"));
    main.configure().routeControllerConfig().setBackOffMaxDelay(millis("serai.routes.retry-most"));
  }

  private long millis(String key) {
    return settings.duration(key).toMillis();
  }

  private void bindAll(CamelContext camel) {
    UnitOfWorkFactory units = new TracedUnitOfWork.Factory();
    camel.getCamelContextExtension().addContextPlugin(UnitOfWorkFactory.class, units);
    camel.getCamelContextExtension().addInterceptStrategy(new DeadlineSteps());
    camel.getCamelContextExtension().addInterceptStrategy(flows);
    camel.getRegistry().bind(Timeline.BEAN, timeline);
    RefuseProcessor refusals = new RefuseProcessor(meters, clock);
    camel.getRegistry().bind("refuse", refusals);
    camel.addComponent("netty-http", new GuardedHttpComponent());
    camel.addComponent("timer", new SteadyTimerComponent());
    ProcessMeters.bind(camel, meters).forEach(onStop::push);
    camel.getRegistry().bind("routeRestarts", RouteRestarts.follow(camel, meters));
    Breakers breakers = Breakers.of(context);
    breakers.onChange(this::breakerChanged);
    camel.getRegistry().bind("breakersView", BreakerBeans.providers(breakers));
    onStop.push(BreakerBeans.register(breakers, camel.getName() + "@" + stateDir));
    if (settings.flag("serai.tracing.enabled")) {
      Tracing.start(context);
    }
    startManagement(camel, refusals);
    if (!roleNames.contains("issuer")) {
      RemoteRoleIdentities identities = RemoteRoleIdentities.of(context);
      context.bind("roleIdentities", identities);
      context.bind("roleView-identities", identities);
      context.onStop(identities);
      identities.start();
    }
    roles.forEach(role -> role.bind(context));
    record = ProcessRecord.bind(context, settings, refusals);
    onStop.push(record);
  }

  private void breakerChanged(BreakerState breaker) {
    timeline.record(
        Timeline.Kind.BREAKER,
        asker(breaker.kind(), breaker.name(), roles.stream().map(Role::name).toList()),
        breaker.name(),
        breaker.state().name(),
        List.of());
  }

  /** The role that asks whom a breaker is about, so that a change of it is told as that role's. */
  static String asker(Breakers.Kind kind, String asked, List<String> roles) {
    if (kind != Breakers.Kind.PROVIDER) {
      return "verifier"; // which asks nodes
    }
    return switch (asked) {
      case "verifier" -> "issuer";
      case "operator" -> "sensor";
      case "sensor" -> roles.contains("verifier") ? "verifier" : "gate";
      default -> "verifier";
    };
  }

  private void startManagement(CamelContext camel, RefuseProcessor refusals) {
    List<String> shown = roles.stream().map(Role::name).toList();
    health =
        new HealthReport(camel, shown, id -> foldersOfRoutes.getOrDefault(id, ""), refusals, clock);
    ProcessMeters.bindReadiness(meters, shown, health::ready);
    String host = settings.text("serai.management.host");
    int port = settings.integer("serai.management.port");
    Path password = stateDir.resolve("hawtio-password");
    Dashboard dashboard = new Dashboard(camel, health::readiness, timeline, flows, clock);
    onStop.push(dashboard);
    try {
      ManagementServer management =
          ManagementServer.start(
              host,
              port,
              settings.list("serai.management.allowed-hosts"),
              health,
              dashboard,
              meters::scrape,
              password);
      onStop.push(management);
      LOG.info(
          "management on http://{}:{} dashboard=/ console=/hawtio/ user=serai password-file={}",
          host,
          management.port(),
          password);
    } catch (IOException e) {
      throw new RefusalException(
          ReasonCode.ADDRESS_IN_USE,
          "serai.management.port: cannot listen on %s:%d: %s".formatted(host, port, e.getMessage()),
          e);
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

  /** Health as the management port gives it, once started. */
  HealthReport health() {
    return health;
  }

  /** A route that cannot start is tried again for ever, and the others run. */
  boolean everyRouteRuns() {
    return camel().isStarted()
        && camel().getRoutes().stream()
            .map(Route::getRouteId)
            .allMatch(id -> camel().getRouteController().getRouteStatus(id).isStarted());
  }

  /**
   * Takes nothing new, lets what is in flight end for serai.stop-timeout, then ends it, and closes
   * everything. Returns in time whatever hangs.
   */
  @Override
  public void close() {
    stopping.countDown();
    if (!closing.compareAndSet(false, true)) {
      return;
    }
    BoundedClose close = new BoundedClose(LONGEST_CLOSE);
    close.close("listeners", this::drain, RESOURCE_PATIENCE);
    close.close("routes", main::stop, settings.duration("serai.stop-timeout").plus(ROUTES_MARGIN));
    for (AutoCloseable resource = next(); resource != null; resource = next()) {
      close.close("a " + resource.getClass().getSimpleName(), resource, RESOURCE_PATIENCE);
    }
  }

  private void drain() {
    CamelContext camel = main.getCamelContext();
    if (camel != null) {
      camel.getRegistry().findByType(RpcServer.class).forEach(RpcServer::drain);
    }
  }

  /** Without the monitor, which a database that hangs may hold. */
  private AutoCloseable next() {
    return onStop.poll();
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
          measured = new MeasuredDatabase(database, meters);
        }
        return measured;
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
    public void onReload(Reloadable reloadable) {
      reloadables.add(reloadable);
    }

    @Override
    public void onStop(AutoCloseable closeable) {
      onStop.push(closeable);
    }
  }
}
