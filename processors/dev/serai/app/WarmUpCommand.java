package dev.serai.app;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Starts all roles on free ports, looks at them and stops, so that the JVM can write down which
 * classes a start needs. Needs no TPM.
 */
@Command(name = "warm-up", description = "Starts and stops all roles once, for the class archive.")
final class WarmUpCommand implements Callable<Integer> {
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  @Option(names = "--state", required = true, paramLabel = "DIR")
  private Path state;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Map<String, String> overrides = new HashMap<>();
    overrides.put("serai.trust-domain", "warm-up.example");
    overrides.put("serai.state-dir", state.toString());
    FreePorts.assign(overrides);
    LayeredSettings settings = LayeredSettings.load(Optional.empty(), Map.of(), overrides);
    LogSetup.apply("text", "WARN");
    try (SeraiProcess process = new SeraiProcess(settings, Optional.empty())) {
      process.start();
      for (String path : List.of("/health", "/health/routes", "/metrics", "/hawtio/")) {
        look("http://127.0.0.1:" + settings.text("serai.management.port") + path);
      }
    }
    return 0;
  }

  private static void look(String address) throws IOException, InterruptedException {
    HttpRequest request = HttpRequest.newBuilder(URI.create(address)).timeout(PATIENCE).build();
    HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding());
  }
}
