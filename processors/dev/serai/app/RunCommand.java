package dev.serai.app;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs roles until the process is told to stop. */
@Command(name = "run", description = "Runs roles until stopped.", mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
  @Option(names = "--roles", paramLabel = "ROLES", description = "all, or a comma separated part")
  private String roles;

  @Option(names = "--config", paramLabel = "FILE", description = "overrides the defaults")
  private Path config;

  @Option(
      names = "--routes",
      paramLabel = "DIR",
      description = "route files that replace those of the same name or are added")
  private Path routes;

  @Override
  public Integer call() throws InterruptedException {
    Map<String, String> overrides = new HashMap<>();
    if (roles != null) {
      overrides.put("serai.roles", roles);
    }
    LayeredSettings settings =
        LayeredSettings.load(Optional.ofNullable(config), System.getenv(), overrides);
    LogSetup.apply(settings.text("serai.log.format"), settings.text("serai.log.level"));
    SeraiProcess process = new SeraiProcess(settings, Optional.ofNullable(routes));
    CountDownLatch stopped = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  process.close();
                  stopped.countDown();
                },
                "serai-stop"));
    process.start();
    stopped.await();
    return 0;
  }
}
