package dev.serai.bench;

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
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Serai in a process of its own, with the flags that the launcher gave to this one. */
final class OwnProcess implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Duration ANSWER = Duration.ofSeconds(5);
  private static final long LOOK_MS = 10;
  private static final long STOP_SECONDS = 15;
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private final Path dir;
  private final String roles;
  private final Path file;
  private final Map<String, String> settings;
  private Process process;
  private long begin;

  /**
   * Not started yet.
   *
   * @param dir for its log
   * @param file its configuration
   */
  OwnProcess(Path dir, String roles, Path file) throws IOException {
    this.dir = dir;
    this.roles = roles;
    this.file = file;
    this.settings = properties(file);
  }

  /** A configuration on free ports, with a software TPM, in a file. */
  static Path configuration(Path dir, String name, SoftwareTpm tpm, Map<String, String> more)
      throws IOException {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("serai.trust-domain", "bench.example");
    values.put("serai.state-dir", dir.resolve(name).toString());
    values.put("serai.run-dir", dir.resolve(name + ".run").toString());
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

  static Map<String, String> properties(Path file) throws IOException {
    Map<String, String> values = new LinkedHashMap<>();
    for (String line : Files.readAllLines(file)) {
      int equals = line.indexOf('=');
      values.put(line.substring(0, equals), line.substring(equals + 1));
    }
    return values;
  }

  /** The flags this JVM was started with, archive included. */
  static List<String> flags() {
    return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(flag -> flag.startsWith("-X"))
        .toList();
  }

  static void remove(Path dir) throws IOException {
    try (Stream<Path> files = Files.walk(dir)) {
      for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }

  OwnProcess start() throws IOException {
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
    begin = System.nanoTime();
    process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()))
            .start();
    return this;
  }

  /** Answers how long it took from the start. */
  long awaitReady() throws IOException, InterruptedException {
    while (get("/health/ready") != 200) {
      requireAlive();
      if (System.nanoTime() - begin > PATIENCE.toNanos()) {
        throw new IllegalStateException(roles + " did not become ready: " + lastLine());
      }
      TimeUnit.MILLISECONDS.sleep(LOOK_MS);
    }
    return Duration.ofNanos(System.nanoTime() - begin).toMillis();
  }

  void requireAlive() throws IOException {
    if (!process.isAlive()) {
      throw new IllegalStateException(roles + " has ended: " + lastLine());
    }
  }

  /** Status of a page of the management port; 0 when nobody answers. */
  int get(String path) throws InterruptedException {
    try {
      return HTTP.send(request(path), HttpResponse.BodyHandlers.discarding()).statusCode();
    } catch (IOException e) {
      return 0;
    }
  }

  String text(String path) throws IOException, InterruptedException {
    return HTTP.send(request(path), HttpResponse.BodyHandlers.ofString()).body();
  }

  private HttpRequest request(String path) {
    URI address = URI.create("http://127.0.0.1:" + setting("serai.management.port") + path);
    return HttpRequest.newBuilder(address).timeout(ANSWER).build();
  }

  String setting(String key) {
    return settings.get(key);
  }

  Path socket(String name) {
    return Path.of(setting("serai.run-dir"), name);
  }

  long pid() {
    return process.pid();
  }

  Path log() {
    return dir.resolve(roles.replace(',', '-') + ".log");
  }

  private String lastLine() throws IOException {
    List<String> lines = Files.readAllLines(log());
    return lines.isEmpty() ? "it said nothing" : lines.get(lines.size() - 1);
  }

  long residentKib() throws IOException {
    return status("VmRSS:");
  }

  int threads() throws IOException {
    return (int) status("Threads:");
  }

  private long status(String name) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc", Long.toString(pid()), "status"))) {
      if (line.startsWith(name)) {
        return Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    throw new IOException("no " + name + " of " + pid());
  }

  int descriptors() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("/proc", Long.toString(pid()), "fd"))) {
      return (int) files.count();
    }
  }

  /** SIGKILL. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @Override
  public void close() {
    if (process == null) {
      return;
    }
    process.destroy();
    try {
      if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      process.destroyForcibly();
    }
  }
}
