package dev.serai.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Runs Jazzer on targets, each in a process of its own that gives way to everything else on the
 * machine. A run begins with the corpus of the repository; what it finds beyond lies in {@code
 * target/fuzz/<name>/}.
 */
final class FuzzRun implements AutoCloseable {
  /** How long each target runs. */
  static final String SECONDS = "serai.fuzz.seconds";

  /** Names of targets, comma separated; all without it. */
  static final String TARGETS = "serai.fuzz.targets";

  /** How many run at once. */
  static final String PARALLEL = "serai.fuzz.parallel";

  /** How far they give way to other processes. */
  static final String NICE = "serai.fuzz.nice";

  private static final Path WORK = Path.of("target", "fuzz");
  private static final Pattern UNITS = Pattern.compile("stat::number_of_executed_units:\\s*(\\d+)");
  private static final Pattern PROGRESS =
      Pattern.compile("#\\d+\\s+\\w+\\s+cov: (\\d+) ft: \\d+ corp: (\\d+)/");
  private static final Pattern INPUT = Pattern.compile("Test unit written to (\\S+)");
  private static final Pattern FINDING =
      Pattern.compile("== Java Exception: (.*)|==\\d+== ERROR: (.*)|" + HangWatch.FOUND + "(.*)");

  /** Processor time beyond what it was given, after which a process will not end any more. */
  private static final Duration GRACE = Duration.ofMinutes(10);

  /** Up to here the second compiler costs more than it gives. */
  private static final Duration SHORT = Duration.ofMinutes(2);

  private final Duration each;
  private final ExecutorService places;
  private final List<Process> running = new ArrayList<>();
  private final Map<FuzzTarget, CompletableFuture<Outcome>> outcomes =
      new EnumMap<>(FuzzTarget.class);

  /**
   * How a target ended.
   *
   * @param finding what went wrong, with the path of the input; empty when nothing did
   */
  record Outcome(
      FuzzTarget target,
      long executions,
      long perSecond,
      long coverage,
      long corpus,
      Optional<String> finding) {
    /** One line for people. */
    String line() {
      return "fuzz %-12s %,12d executions %,8d/s  coverage %5d  corpus %5d  %s"
          .formatted(
              target.directory(),
              executions,
              perSecond,
              coverage,
              corpus,
              finding.map(f -> "FINDING: " + f).orElse("no finding"));
    }
  }

  private FuzzRun(Duration each, int parallel) {
    this.each = each;
    this.places = Executors.newFixedThreadPool(parallel);
    Runtime.getRuntime().addShutdownHook(new Thread(this::kill));
  }

  /** Starts what the system properties ask for; 60 seconds each target by default. */
  static FuzzRun start() {
    Duration each = Duration.ofSeconds(Integer.getInteger(SECONDS, 60));
    int parallel = each.compareTo(SHORT) <= 0 ? 3 : 2; // beside tests it is the time that counts
    FuzzRun run = new FuzzRun(each, Integer.getInteger(PARALLEL, parallel));
    for (FuzzTarget target : asked()) {
      run.outcomes.put(target, CompletableFuture.supplyAsync(() -> run.fuzz(target), run.places));
    }
    run.places.shutdown();
    return run;
  }

  static List<FuzzTarget> asked() {
    String names = System.getProperty(TARGETS, "");
    if (names.isBlank()) {
      return List.of(FuzzTarget.values());
    }
    return Arrays.stream(names.split(","))
        .map(
            name ->
                FuzzTarget.named(name.strip())
                    .orElseThrow(() -> new IllegalArgumentException("no fuzz target " + name)))
        .toList();
  }

  /** Where the corpus of a target lies in the repository. */
  static Path corpus(FuzzTarget target) {
    return Path.of("src", "test", "resources", "fuzz", target.directory());
  }

  /** Waits for its end. */
  Outcome outcome(FuzzTarget target) {
    return outcomes.get(target).join();
  }

  private Outcome fuzz(FuzzTarget target) {
    try {
      Path directory = WORK.resolve(target.directory());
      delete(directory);
      Path found = Files.createDirectories(directory.resolve("corpus"));
      Path log = directory.resolve("log");
      Process process = process(target, found, log);
      synchronized (running) {
        running.add(process);
      }
      boolean ended = ends(process);
      String said = Files.readString(log, StandardCharsets.ISO_8859_1);
      return outcome(target, ended ? process.exitValue() : -1, said, log);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  /** It ends by itself. On a machine without time it may take long, but it does not work long. */
  private boolean ends(Process process) throws InterruptedException {
    Duration most = each.multipliedBy(3).plus(GRACE);
    while (!process.waitFor(5, TimeUnit.SECONDS)) {
      if (process
          .info()
          .totalCpuDuration()
          .filter(spent -> spent.compareTo(most) > 0)
          .isPresent()) {
        process.destroyForcibly().waitFor();
        return false;
      }
    }
    return true;
  }

  private Process process(FuzzTarget target, Path found, Path log) throws IOException {
    Path directory = found.getParent().toAbsolutePath();
    Path dictionary = corpus(target).resolveSibling(target.directory() + ".dict").toAbsolutePath();
    List<String> command =
        new ArrayList<>(
            List.of(
                "nice",
                "-n",
                Integer.toString(Integer.getInteger(NICE, 10)),
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx700m",
                "-Xss512k", // as the launcher runs the product
                "-XX:+UseSerialGC",
                "-XX:+IgnoreUnrecognizedVMOptions",
                "-XX:+EnableDynamicAgentLoading",
                "--enable-native-access=ALL-UNNAMED",
                "-D" + HangWatch.DIRECTORY + "=" + directory,
                "-cp",
                System.getProperty("java.class.path"),
                "com.code_intelligence.jazzer.Jazzer",
                "--target_class=" + target.type().getName(),
                "--instrumentation_includes=dev.serai.**:com.fasterxml.jackson.core.**",
                "--reproducer_path=" + directory,
                "-artifact_prefix=" + directory + "/",
                "-max_total_time=" + each.toSeconds(),
                "-timeout=100000", // by the wall; HangWatch counts better
                "-rss_limit_mb=0",
                "-max_len=16384",
                "-print_final_stats=1",
                found.toAbsolutePath().toString(),
                corpus(target).toAbsolutePath().toString()));
    if (each.compareTo(SHORT) <= 0) {
      command.add(command.indexOf("-Xmx700m"), "-XX:TieredStopAtLevel=1");
      // The minute beside the tests takes the same way each time, so red is the change's own.
      command.add(command.size() - 2, "-seed=1");
    }
    if (Files.exists(dictionary)) {
      command.add(command.size() - 2, "-dict=" + dictionary);
    }
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("TSS2_LOG", "all+none");
    return builder.start();
  }

  private Outcome outcome(FuzzTarget target, int exit, String said, Path log) {
    long executions = last(UNITS, said, 1).map(Long::parseLong).orElse(0L);
    long coverage = last(PROGRESS, said, 1).map(Long::parseLong).orElse(0L);
    long corpus = last(PROGRESS, said, 2).map(Long::parseLong).orElse(0L);
    Optional<String> finding = Optional.empty();
    if (exit != 0) {
      String what =
          last(FINDING, said, 1)
              .or(() -> last(FINDING, said, 2))
              .or(() -> last(FINDING, said, 3))
              .orElse("the fuzzer ended with code " + exit);
      finding =
          Optional.of(
              what + "; input " + last(INPUT, said, 1).orElse("not written") + "; log " + log);
    } else if (executions == 0) {
      finding = Optional.of("nothing was executed; log " + log);
    }
    return new Outcome(
        target, executions, executions / Math.max(1, each.toSeconds()), coverage, corpus, finding);
  }

  private static Optional<String> last(Pattern pattern, String text, int group) {
    Matcher matcher = pattern.matcher(text);
    String last = null;
    while (matcher.find()) {
      last = matcher.group(group) == null ? last : matcher.group(group);
    }
    return Optional.ofNullable(last);
  }

  private static void delete(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private void kill() {
    synchronized (running) {
      running.forEach(Process::destroyForcibly);
    }
  }

  @Override
  public void close() {
    places.shutdownNow();
    kill();
  }
}
