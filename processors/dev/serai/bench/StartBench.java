package dev.serai.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.app.SoftwareTpm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * From the start of a process to readiness, and its resident memory: all roles in one process, and
 * an agent whose issuer, registrar and verifier are in another. With a software TPM; the node is
 * enrolled by a first run that is not counted.
 */
public final class StartBench {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int RUNS = 3;
  private static final long SETTLE_MS = 3_000;

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
      OwnProcess.remove(dir);
    }
  }

  private Map<String, Object> measure() throws Exception {
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("bench", "start");
    figures.put("java", System.getProperty("java.version"));
    figures.put("processors", Runtime.getRuntime().availableProcessors());
    figures.put(
        "archive",
        OwnProcess.flags().stream().anyMatch(flag -> flag.contains("SharedArchiveFile")));
    figures.put("runs", RUNS);
    try (SoftwareTpm tpm = new SoftwareTpm(dir.resolve("tpm"), dir)) {
      tpm.start();
      Path all = OwnProcess.configuration(dir, "all", tpm, Map.of());
      enrol("all", all);
      figures.put("all", median("all", all));
      Path servers = OwnProcess.configuration(dir, "servers", tpm, Map.of());
      try (OwnProcess process = new OwnProcess(dir, "registrar,verifier,issuer", servers)) {
        process.start().awaitReady();
        TimeUnit.MILLISECONDS.sleep(SETTLE_MS);
        Path agent =
            OwnProcess.configuration(
                dir,
                "agent",
                tpm,
                Map.of(
                    "serai.agent.issuer", "127.0.0.1:" + process.setting("serai.issuer.port"),
                    "serai.agent.registrar",
                        "http://127.0.0.1:" + process.setting("serai.registrar.port"),
                    "serai.agent.trust-bundle",
                        process.setting("serai.state-dir") + "/bundle.pem"));
        enrol("agent", agent);
        figures.put("agent", median("agent", agent));
      }
    }
    return figures;
  }

  private void enrol(String roles, Path file) throws Exception {
    try (OwnProcess process = new OwnProcess(dir, roles, file)) {
      process.start().awaitReady();
    }
  }

  private Map<String, Object> median(String roles, Path file) throws Exception {
    long[] ready = new long[RUNS];
    long[] memory = new long[RUNS];
    for (int i = 0; i < RUNS; i++) {
      try (OwnProcess process = new OwnProcess(dir, roles, file)) {
        ready[i] = process.start().awaitReady();
        TimeUnit.MILLISECONDS.sleep(SETTLE_MS);
        memory[i] = process.residentKib() / 1024;
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
}
