package dev.serai.app;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.service.ControlSocket;
import dev.serai.service.Pulse;
import dev.serai.service.ServiceManager;
import dev.serai.service.Signals;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs roles until the process is told to stop. */
@Command(name = "run", description = "Runs roles until stopped.", mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
  /** From the signal to the end of the process, whatever hangs. */
  private static final long LONGEST_STOP_MILLIS = 9_700;

  private static final long ROUTES_PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);

  @Option(names = "--roles", paramLabel = "ROLES", description = "all, or a comma separated part")
  private String roles;

  @Option(names = "--config", paramLabel = "FILE", description = "overrides the defaults")
  private Path config;

  @Option(
      names = "--routes",
      paramLabel = "DIR",
      description = "route files that replace those of the same name or are added")
  private Path routes;

  @Option(
      names = "--feature",
      paramLabel = "NAME=BOOL",
      description = "unified_identity=false: a plain SPIFFE issuer, without evidence and claims")
  private Map<String, String> features = Map.of();

  private final ServiceManager manager = ServiceManager.of(System.getenv());
  private final CountDownLatch stopping = new CountDownLatch(1);
  private final CompletableFuture<Supplier<Reloader.Outcome>> reloader = new CompletableFuture<>();
  private final CountDownLatch stopped = new CountDownLatch(1);

  @Override
  public Integer call() throws InterruptedException {
    Map<String, String> overrides = new HashMap<>(Features.settings(features));
    if (roles != null) {
      overrides.put("serai.roles", roles);
    }
    Supplier<LayeredSettings> read =
        () -> LayeredSettings.read(Optional.ofNullable(config), System.getenv(), overrides);
    LayeredSettings settings = read.get();
    SeraiProcess process = new SeraiProcess(settings, Optional.ofNullable(routes));
    LogSetup.apply(settings.text("serai.log.format"), settings.text("serai.log.level"));
    Signals.handle(() -> stop(process), this::onHangUp, code -> Runtime.getRuntime().halt(code));
    try {
      process.start();
    } catch (RuntimeException e) {
      reloader.cancel(false);
      if (stopping.getCount() > 0) {
        throw e;
      }
      stopped.await(); // told to stop while it started
      return 0;
    }
    try {
      serve(process, read);
    } catch (RuntimeException e) {
      process.close();
      throw e;
    }
    return 0;
  }

  /** Until it is told to stop. */
  private void serve(SeraiProcess process, Supplier<LayeredSettings> read)
      throws InterruptedException {
    awaitRoutes(process);
    Supplier<String> words = new StatusWords(process.health());
    Reloader made = new Reloader(process, read);
    Supplier<Reloader.Outcome> reload =
        () -> {
          manager.reloading();
          try {
            return made.reload();
          } finally {
            manager.ready(words.get());
          }
        };
    try (ControlSocket control =
            ControlSocket.open(
                Path.of(process.settings().text("serai.run-dir"))
                    .resolve(DerivedSettings.CONTROL_SOCKET),
                line -> answer(line, reload));
        Pulse pulse = Pulse.start(manager, words, ProcessCheck.of(process))) {
      reloader.complete(reload);
      stopped.await();
    }
  }

  private static String answer(String line, Supplier<Reloader.Outcome> reload) {
    return line.equals("reload")
        ? reload.get().json()
        : new Reloader.Outcome(
                List.of(),
                List.of(),
                Optional.of(new Reason(ReasonCode.UNKNOWN_OPERATION, "only reload is known here")))
            .json();
  }

  /** One that comes while the process starts is answered when it has. */
  private void onHangUp() {
    try {
      Reloader.Outcome unused = reloader.join().get(); // the log says what came of it
    } catch (CancellationException e) {
      return; // it did not start
    }
  }

  /**
   * Ready means that every route runs. One that cannot start does not hold the service manager back
   * for ever: ending the process would not help it, and its role is shown as not ready.
   */
  private void awaitRoutes(SeraiProcess process) throws InterruptedException {
    long end = System.nanoTime() + ROUTES_PATIENCE_NANOS;
    while (!process.everyRouteRuns() && System.nanoTime() < end) {
      if (stopping.await(20, TimeUnit.MILLISECONDS)) {
        return;
      }
    }
  }

  private void stop(SeraiProcess process) {
    stopping.countDown();
    manager.stopping();
    endInTime();
    process.close();
    stopped.countDown();
  }

  private static void endInTime() {
    Thread last =
        new Thread(
            () -> {
              try {
                TimeUnit.MILLISECONDS.sleep(LONGEST_STOP_MILLIS);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              Runtime.getRuntime().halt(0); // everything that counts is on disk at any time
            },
            "serai-stop-in-time");
    last.setDaemon(true);
    last.start();
  }
}
