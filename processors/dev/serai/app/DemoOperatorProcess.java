package dev.serai.app;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The demo's fake mobile operator, which is no part of the product: a program of its own in a jar
 * beside ours, run as a process that ends with this one. It has the demo's SIM where the demo wants
 * it, which proves nothing.
 */
final class DemoOperatorProcess implements AutoCloseable {
  /** Beside serai.jar in the source tree; in no package. */
  static final String JAR = "serai-fake-operator.jar";

  private static final String MAIN = "dev.serai.testing.operator.DemoOperator";
  private static final String READY = "ready";
  private static final String PREFIX = "serai.camara.";
  private static final long START_SECONDS = 60;
  private static final int LONGEST_LINE = 4096;

  private final Path log;
  private final Process process;
  private final CompletableFuture<Map<String, String>> settings;

  private DemoOperatorProcess(Path log, Process process) {
    this.log = log;
    this.process = process;
    this.settings = CompletableFuture.supplyAsync(this::readSettings);
  }

  /**
   * Does not wait for it to be ready.
   *
   * @param code its jar or classes; empty: the jar beside ours
   * @param subscriber as it wants to be told
   */
  static DemoOperatorProcess launch(Optional<Path> code, Path dir, String subscriber)
      throws IOException {
    Path where = code.orElseGet(DemoOperatorProcess::besideOurs);
    if (!Files.exists(where)) {
      throw new RefusalException(ReasonCode.DEMO_OPERATOR_UNAVAILABLE, "there is no " + where);
    }
    Files.createDirectories(dir);
    Path log = dir.resolve("operator.log");
    Process process =
        new ProcessBuilder(
                List.of(
                    ProcessHandle.current().info().command().orElse("java"),
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-Xmx64m",
                    "-cp",
                    where + File.pathSeparator + System.getProperty("java.class.path"),
                    MAIN,
                    dir.toString(),
                    subscriber))
            .redirectError(log.toFile())
            .start();
    return new DemoOperatorProcess(log, process);
  }

  private static Path besideOurs() {
    Path ours = Path.of(System.getProperty("java.class.path").split(File.pathSeparator, 2)[0]);
    return ours.toAbsolutePath().resolveSibling(JAR);
  }

  /** The keys with which it is asked; waits until it can be. */
  Map<String, String> settings() throws InterruptedException {
    try {
      return settings.get(START_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new RefusalException(
          ReasonCode.DEMO_OPERATOR_UNAVAILABLE, "it did not start: " + said(), e);
    }
  }

  /** The first thing it complained of. */
  private String said() {
    try (var lines = Files.lines(log, StandardCharsets.UTF_8)) {
      return lines.filter(line -> !line.isBlank()).findFirst().orElse("it said nothing");
    } catch (IOException | UncheckedIOException e) {
      return "see " + log;
    }
  }

  private Map<String, String> readSettings() {
    Map<String, String> read = new LinkedHashMap<>();
    try {
      BufferedReader lines =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        int equals = line.indexOf('=');
        if (line.equals(READY)) {
          return read;
        }
        if (line.length() > LONGEST_LINE || equals < 0 || !line.startsWith(PREFIX)) {
          throw new IllegalStateException("the fake operator said what it should not");
        }
        read.put(line.substring(0, equals), line.substring(equals + 1));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    throw new IllegalStateException("the fake operator ended");
  }

  /** Its standard input ends, and so does it. */
  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(3, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      process.destroyForcibly();
    }
  }
}
