package dev.serai.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.app.FreePorts;
import dev.serai.app.SoftwareTpm;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * From the start of a process to readiness, and its resident memory: all roles in one process, and
 * an agent whose issuer, registrar and verifier are in another. With a software TPM; the node is
 * enrolled by a first run that is not counted.
 */
public final class StartBench {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int RUNS = 3;
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final long LOOK_MS = 20;
  private static final long SETTLE_MS = 3_000;

  private final HttpClient http = HttpClient.newHttpClient();
  private final Path dir;

  private StartBench(Path dir) {
    this.dir = dir;
  }

  /** One line of JSON. */
  public static String run() throws Exception {
    Path dir = Files.createTempDirectory("sb");
    try {
      return JSON.writeValueAsString(new StartBench(dir).measure());
    } finally {
      remove(dir);
    }
  }

  private Map<String, Object> measure() throws Exception {
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("bench", "start");
    figures.put("java", System.getProperty("java.version"));
    figures.put("processors", Runtime.getRuntime().availableProcessors());
    figures.put("archive", flags().stream().anyMatch(flag -> flag.contains("SharedArchiveFile")));
    figures.put("runs", RUNS);
    try (SoftwareTpm tpm = new SoftwareTpm(dir.resolve("tpm"), dir)) {
      tpm.start();
      Path all = configuration("all", tpm, Map.of());
      start("all", all, 0).stop();
      figures.put("all", median("all", all));
      Path servers = configuration("servers", tpm, Map.of());
      try (Child ignored = start("registrar,verifier,issuer", servers, SETTLE_MS)) {
        Map<String, String> known = properties(servers);
        Path agent =
            configuration(
                "agent",
                tpm,
                Map.of(
                    "serai.agent.issuer", "127.0.0.1:" + known.get("serai.issuer.port"),
                    "serai.agent.registrar",
                        "http://127.0.0.1:" + known.get("serai.registrar.port"),
                    "serai.agent.trust-bundle", known.get("serai.state-dir") + "/bundle.pem"));
        start("agent", agent, 0).stop();
        figures.put("agent", median("agent", agent));
      }
    }
    return figures;
  }

  private Map<String, Object> median(String roles, Path file) throws Exception {
    long[] ready = new long[RUNS];
    long[] memory = new long[RUNS];
    for (int i = 0; i < RUNS; i++) {
      try (Child child = start(roles, file, SETTLE_MS)) {
        ready[i] = child.readyMs();
        memory[i] = child.residentMb();
      }
    }
    Arrays.sort(ready);
    Arrays.sort(memory);
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("readyMsMedian", ready[RUNS / 2]);
    figures.put("readyMsMost", ready[RUNS - 1]);
    figures.put("residentMbMedian", memory[RUNS / 2]);
    figures.put("residentMbMost", memory[RUNS - 1]);
    return figures;
  }

  /** A running process of Serai, ready. */
  private record Child(Process process, long readyMs, long residentMb) implements AutoCloseable {
    void stop() {
      process.destroy();
      try {
        if (!process.waitFor(15, TimeUnit.SECONDS)) {
          process.destroyForcibly();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        process.destroyForcibly();
      }
    }

    @Override
    public void close() {
      stop();
    }
  }

  private Child start(String roles, Path file, long settleMs) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(flags());
    if (roles.equals("agent")) {
      command.add("-XX:TieredStopAtLevel=1"); // as the launcher does
    }
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            "dev.serai.app.Main",
            "run",
            "--roles=" + roles,
            "--config",
            file.toString()));
    Path log = dir.resolve(roles.replace(',', '-') + ".log");
    URI address =
        URI.create(
            "http://127.0.0.1:" + properties(file).get("serai.management.port") + "/health/ready");
    long begin = System.nanoTime();
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    Child child = new Child(process, 0, 0);
    while (!isReady(address)) {
      if (!process.isAlive() || System.nanoTime() - begin > PATIENCE.toNanos()) {
        child.stop();
        throw new IllegalStateException(roles + " did not become ready: " + lastLine(log));
      }
      TimeUnit.MILLISECONDS.sleep(LOOK_MS);
    }
    long ready = Duration.ofNanos(System.nanoTime() - begin).toMillis();
    TimeUnit.MILLISECONDS.sleep(settleMs);
    return new Child(process, ready, residentMb(process.pid()));
  }

  private boolean isReady(URI address) throws InterruptedException {
    try {
      HttpRequest request = HttpRequest.newBuilder(address).timeout(Duration.ofSeconds(2)).build();
      return http.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
    } catch (IOException e) { // it does not listen yet
      return false;
    }
  }

  private static long residentMb(long pid) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc", Long.toString(pid), "status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
      }
    }
    throw new IOException("no VmRSS of " + pid);
  }

  private static String lastLine(Path log) throws IOException {
    List<String> lines = Files.readAllLines(log);
    return lines.isEmpty() ? "it said nothing" : lines.get(lines.size() - 1);
  }

  /** The flags this JVM was started with, archive included. */
  private static List<String> flags() {
    return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(flag -> flag.startsWith("-X"))
        .toList();
  }

  private Path configuration(String name, SoftwareTpm tpm, Map<String, String> more)
      throws IOException {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("serai.trust-domain", "bench.example");
    values.put("serai.state-dir", dir.resolve(name).toString());
    values.put("serai.verifier.policy", "builtin:demo");
    values.put("serai.tpm.tcti", tpm.tcti());
    values.put("serai.tpm.allow-software", "true");
    values.put("serai.registrar.ek-trust-dir", tpm.trustDir().toString());
    FreePorts.assign(values);
    values.putAll(more);
    StringBuilder text = new StringBuilder();
    values.forEach((key, value) -> text.append(key).append('=').append(value).append('\n'));
    return Files.writeString(dir.resolve(name + ".properties"), text);
  }

  private static Map<String, String> properties(Path file) throws IOException {
    Map<String, String> values = new LinkedHashMap<>();
    for (String line : Files.readAllLines(file)) {
      int equals = line.indexOf('=');
      values.put(line.substring(0, equals), line.substring(equals + 1));
    }
    return values;
  }

  private static void remove(Path dir) throws IOException {
    try (Stream<Path> files = Files.walk(dir)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
