package dev.serai.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.app.FreePorts;
import dev.serai.app.LayeredSettings;
import dev.serai.app.LogSetup;
import dev.serai.app.SeraiProcess;
import dev.serai.appraisal.NodeRecord;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.store.Database;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.PreparedStatement;
import java.time.Clock;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * What a dead node costs the others: the verifier as shipped watches a thousand nodes, as fast as
 * it can; in every other window one of them takes connections and never says a word. The rate at
 * which the others are attested is compared window by window.
 */
public final class DeadNodeBench {
  private static final int NODES = 1000;
  private static final int PAIRS = 12;
  private static final long WINDOW_MS = 3000;
  private static final long WARM_UP_MS = 12_000;
  private static final double TARGET = 0.95;

  private final Map<String, NodeRecord> registrar = new ConcurrentHashMap<>();

  private DeadNodeBench() {}

  /** One line of JSON, after about two minutes. */
  public static String run() throws Exception {
    Path dir = Files.createTempDirectory("sb");
    try {
      LogSetup.applyToFile(dir.resolve("serai.log"));
      return new ObjectMapper().writeValueAsString(new DeadNodeBench().measure(dir));
    } finally {
      remove(dir);
    }
  }

  private Map<String, Object> measure(Path dir) throws Exception {
    var key = WorkloadServer.keyPair();
    try (SimulatedNodes others = new SimulatedNodes(key);
        SimulatedNodes one = new SimulatedNodes(key);
        ServerSocket blackHole = new ServerSocket(0, 1024, InetAddress.getLoopbackAddress());
        SeraiProcess verifier =
            SeraiProcess.forTest(
                settings(dir),
                List.of(new Neighbours()),
                Optional.of(routes(dir)),
                Clock.systemUTC())) {
      verifier.start();
      Database database = verifier.context().database();
      String mortal = UUID.randomUUID().toString();
      watched(database, node(mortal, one, one.port()));
      for (int i = 1; i < NODES; i++) {
        watched(database, node(UUID.randomUUID().toString(), others, others.port()));
      }
      TimeUnit.MILLISECONDS.sleep(WARM_UP_MS);
      double[] alive = new double[PAIRS];
      double[] dead = new double[PAIRS];
      for (int i = 0; i < PAIRS; i++) {
        boolean deadFirst = i % 2 == 1;
        for (int half = 0; half < 2; half++) {
          boolean isDead = deadFirst == (half == 0);
          int port = isDead ? blackHole.getLocalPort() : one.port();
          registrar.put(mortal, node(mortal, one, port));
          (isDead ? dead : alive)[i] = rate(others);
        }
      }
      return figures(alive, dead, one.answered());
    }
  }

  private static double rate(SimulatedNodes nodes) throws InterruptedException {
    long before = nodes.answered();
    long begin = System.nanoTime();
    TimeUnit.MILLISECONDS.sleep(WINDOW_MS);
    return (nodes.answered() - before) * 1e9 / (System.nanoTime() - begin);
  }

  private static Map<String, Object> figures(double[] alive, double[] dead, long answeredByOne) {
    double[] ratios = new double[PAIRS];
    for (int i = 0; i < PAIRS; i++) {
      ratios[i] = dead[i] / alive[i];
    }
    double ofSums = Arrays.stream(dead).sum() / Arrays.stream(alive).sum();
    double ratio = median(ratios);
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("bench", "dead-node");
    figures.put("nodes", NODES);
    figures.put("windows", 2 * PAIRS);
    figures.put("perSecondAllAlive", Math.round(median(alive)));
    figures.put("perSecondOneDead", Math.round(median(dead)));
    figures.put("ratioMedian", Math.round(ratio * 1000) / 1000.0);
    figures.put("ratioOfSums", Math.round(ofSums * 1000) / 1000.0);
    figures.put("quotesOfTheMortalOne", answeredByOne);
    figures.put("target", TARGET);
    figures.put("ok", ratio >= TARGET);
    return figures;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  private static NodeRecord node(String id, SimulatedNodes agents, int port) {
    return new NodeRecord(
        id,
        RecordedStatements.p256().ek(),
        agents.ak(),
        NodeRecord.Standing.ACTIVATED,
        "127.0.0.1",
        port,
        Optional.of("disabled"));
  }

  /** Puts a node on the watch list as one that was proven a moment ago. */
  private void watched(Database database, NodeRecord node) {
    registrar.put(node.nodeId(), node);
    long now = System.currentTimeMillis();
    database.write(
        connection -> {
          try (PreparedStatement insert =
              connection.prepareStatement(
                  "INSERT INTO verifier_node (node_id, state, reasons, state_at, proven_at,"
                      + " proven_pcrs, failures, breaker, due_at, generation, gone, reported,"
                      + " report_no, report_tries) VALUES (?, 'TRUSTED', '[]', ?, ?, '{}', 0,"
                      + " 'CLOSED', ?, 1, 0, 'TRUSTED', 0, 0)")) {
            insert.setString(1, node.nodeId());
            insert.setLong(2, now);
            insert.setLong(3, now);
            insert.setLong(4, now);
            return insert.executeUpdate();
          }
        });
  }

  private static LayeredSettings settings(Path dir) throws IOException {
    Path policy =
        Files.writeString(
            dir.resolve("policy.json"),
            """
            {"name":"bench","pcrs":{"sha256":{"0":"%1$s","7":"%1$s"}},
             "clock":{"reboot-needs-attestation":true}}
            """
                .formatted("00".repeat(32)));
    Map<String, String> values = new HashMap<>();
    values.put("serai.roles", "verifier");
    values.put("serai.trust-domain", "bench.example");
    values.put("serai.state-dir", dir.resolve("state").toString());
    values.put("serai.verifier.policy", policy.toString());
    values.put("serai.verifier.allow-clear-agents", "true");
    values.put("serai.hop.node-record", "direct:bench-registrar");
    values.put("serai.hop.verdict", "direct:bench-issuer");
    // Always due: what is measured is what the verifier can do. Deadline and breaker as shipped.
    values.put("serai.verifier.interval", "50ms");
    values.put("serai.verifier.tick", "50ms");
    FreePorts.assign(values);
    return LayeredSettings.load(Optional.empty(), Map.of(), values);
  }

  private static Path routes(Path dir) throws IOException {
    Path routes = Files.createDirectories(dir.resolve("routes"));
    for (String name : List.of("bench-registrar", "bench-issuer")) {
      Files.writeString(
          routes.resolve(name + ".camel.yaml"),
          """
          - route:
              id: %1$s
              from:
                uri: direct:%1$s
                steps:
                  - process:
                      ref: %1$s
          """
              .formatted(name));
    }
    return routes;
  }

  /** A registrar that knows the nodes, and an issuer that hears of them. */
  private final class Neighbours implements Role {
    @Override
    public String name() {
      return "neighbours";
    }

    @Override
    public void bind(RoleContext context) {
      context.bind("bench-registrar", (Processor) DeadNodeBench.this::lookup);
      context.bind("bench-issuer", (Processor) exchange -> {});
    }
  }

  private void lookup(Exchange exchange) {
    NodeRecord node = registrar.get(exchange.getMessage().getBody(String.class));
    if (node == null) {
      throw new RefusalException(ReasonCode.NODE_UNKNOWN, "not enrolled");
    }
    exchange.getMessage().setBody(node);
  }

  private static void remove(Path dir) throws IOException {
    try (Stream<Path> files = Files.walk(dir)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
