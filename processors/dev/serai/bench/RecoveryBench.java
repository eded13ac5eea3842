package dev.serai.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.app.SoftwareTpm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * From a SIGKILL of the process with all roles, in the midst of its work, to readiness of its
 * successor on the same state, and to the first SVID that a workload gets of it.
 */
public final class RecoveryBench {
  private static final int ROUNDS = 9;
  private static final long TARGET_MS = 8_000;
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private RecoveryBench() {}

  /** One line of JSON, after about a minute. */
  public static String run() throws Exception {
    Path dir = Files.createTempDirectory("sb");
    try (SoftwareTpm tpm = new SoftwareTpm(dir.resolve("tpm"), dir)) {
      tpm.start();
      Path file = OwnProcess.configuration(dir, "all", tpm, Map.of());
      try (OwnProcess process = new OwnProcess(dir, "all", file)) {
        return new ObjectMapper().writeValueAsString(measure(process));
      }
    } finally {
      OwnProcess.remove(dir);
    }
  }

  private static Map<String, Object> measure(OwnProcess process) throws Exception {
    process.start().awaitReady();
    try (LocalCalls calls = new LocalCalls(process)) {
      calls.create(calls.awaitTrusted(PATIENCE), "/workload");
    }
    long[] ready = new long[ROUNDS];
    long[] served = new long[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      try (LocalCalls calls = new LocalCalls(process)) {
        calls.awaitServed(PATIENCE);
      }
      long begin = System.nanoTime();
      process.kill();
      process.start();
      try (LocalCalls calls = new LocalCalls(process)) {
        ExecutorService asker = Executors.newSingleThreadExecutor();
        try {
          Future<Long> svid =
              asker.submit(
                  () -> {
                    calls.awaitServed(PATIENCE);
                    return millisSince(begin);
                  });
          process.awaitReady();
          ready[i] = millisSince(begin);
          served[i] = svid.get();
        } catch (ExecutionException e) {
          throw e.getCause() instanceof Exception cause ? cause : e;
        } finally {
          asker.shutdownNow();
        }
      }
    }
    Arrays.sort(ready);
    Arrays.sort(served);
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("bench", "recovery");
    figures.put("processors", Runtime.getRuntime().availableProcessors());
    figures.put(
        "archive",
        OwnProcess.flags().stream().anyMatch(flag -> flag.contains("SharedArchiveFile")));
    figures.put("rounds", ROUNDS);
    figures.put("killToReadyMsMedian", ready[ROUNDS / 2]);
    figures.put("killToReadyMsMost", ready[ROUNDS - 1]);
    figures.put("killToSvidMsMedian", served[ROUNDS / 2]);
    figures.put("killToSvidMsMost", served[ROUNDS - 1]);
    figures.put("targetReadyMs", TARGET_MS);
    figures.put("ok", ready[ROUNDS - 1] < TARGET_MS);
    return figures;
  }

  private static long millisSince(long begin) {
    return Duration.ofNanos(System.nanoTime() - begin).toMillis();
  }
}
