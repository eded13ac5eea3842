package dev.serai.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.workload.Snapshot;
import dev.serai.workload.WorkloadIdentity;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * What an open stream of the Workload API costs in memory: 5,000 of them, each on a connection of
 * its own, held by another process; the resident memory of this one before and with them.
 */
public final class StreamsBench {
  private static final int STREAMS = 5000;
  private static final int WARM_UP = 500;
  private static final double TARGET_KIB = 40;
  private static final long SETTLE_MS = 1500;

  private StreamsBench() {}

  /** One line of JSON. */
  public static String run() throws Exception {
    Map<String, String> limits =
        Map.of(
            "serai.workload.max-connections", Integer.toString(2 * STREAMS),
            "serai.workload.max-connections-per-user", Integer.toString(2 * STREAMS));
    try (WorkloadServer server = WorkloadServer.start(limits)) {
      KeyPair authorityKey = WorkloadServer.keyPair();
      X509Certificate authority =
          WorkloadServer.certificate(authorityKey, authorityKey, WorkloadServer.DOMAIN.id(), true);
      WorkloadIdentity me = WorkloadServer.identity(authorityKey, "/me", WorkloadServer.ownUid());
      server
          .identities()
          .replace(new Snapshot(List.of(me), WorkloadServer.DOMAIN, List.of(authority), Map.of()));
      try (Client warmUp = new Client(server.socket(), WARM_UP)) {
        warmUp.awaitOpen();
      }
      awaitStreams(server, 0);
      long before = residentKib();
      try (Client client = new Client(server.socket(), STREAMS)) {
        int open = client.awaitOpen();
        long with = residentKib();
        int held = client.held();
        double each = Math.round((with - before) * 100.0 / STREAMS) / 100.0;
        Map<String, Object> figures = new LinkedHashMap<>();
        figures.put("bench", "streams");
        figures.put("streams", STREAMS);
        figures.put("connections", STREAMS);
        figures.put("opened", open);
        figures.put("held", held);
        figures.put("heldByServer", server.identities().streams());
        figures.put("residentKibBefore", before);
        figures.put("residentKibWith", with);
        figures.put("kibPerStream", each);
        figures.put("targetKib", TARGET_KIB);
        figures.put(
            "ok", held == STREAMS && server.identities().streams() == STREAMS && each < TARGET_KIB);
        return new ObjectMapper().writeValueAsString(figures);
      }
    }
  }

  private static void awaitStreams(WorkloadServer server, int wanted) throws InterruptedException {
    for (int i = 0; i < 600 && server.identities().streams() != wanted; i++) {
      TimeUnit.MILLISECONDS.sleep(100);
    }
  }

  /** After collections, when what is garbage has gone back. */
  private static long residentKib() throws IOException, InterruptedException {
    for (int i = 0; i < 3; i++) {
      System.gc();
      TimeUnit.MILLISECONDS.sleep(SETTLE_MS / 3);
    }
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    throw new IOException("no VmRSS");
  }

  /** The process that holds the streams. */
  private static final class Client implements AutoCloseable {
    private final Process process;
    private final BufferedReader said;

    Client(Path socket, int streams) throws IOException {
      process =
          new ProcessBuilder(
                  ProcessHandle.current().info().command().orElse("java"),
                  "-Xmx2g",
                  "-XX:+UseSerialGC",
                  "-cp",
                  System.getProperty("java.class.path"),
                  StreamsClient.class.getName(),
                  socket.toString(),
                  Integer.toString(streams))
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      said = process.inputReader(StandardCharsets.UTF_8);
    }

    int awaitOpen() throws IOException {
      return number("open ");
    }

    int held() throws IOException {
      process.getOutputStream().write('\n');
      process.getOutputStream().flush();
      return number("held ");
    }

    private int number(String word) throws IOException {
      for (String line = said.readLine(); line != null; line = said.readLine()) {
        if (line.startsWith(word)) {
          return Integer.parseInt(line.substring(word.length()));
        }
      }
      throw new IOException("the client of the benchmark ended");
    }

    @Override
    public void close() {
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
  }
}
