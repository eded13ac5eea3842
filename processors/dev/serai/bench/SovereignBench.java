package dev.serai.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.app.FreePorts;
import dev.serai.app.LayeredSettings;
import dev.serai.app.LogSetup;
import dev.serai.app.SeraiProcess;
import dev.serai.app.SoftwareTpm;
import dev.serai.flow.Flow;
import dev.serai.flow.FlowRecorder;
import dev.serai.reason.Refused;
import dev.serai.role.RoleHealth;
import dev.serai.role.TraceId;
import dev.serai.tpm.Tpm;
import io.micrometer.core.instrument.Timer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;

/**
 * What an attestation costs, from the agent's first word to the SVID it holds, and where the time
 * goes: all roles that take part in this process, on a software TPM, the location from a file. The
 * attestations follow one another; at the end of them the process holds what it held before.
 */
public final class SovereignBench {

  /** A process that serves a fleet has its code compiled. */
  private static final int WARM_UP = 600;

  private static final int ROUNDS = 200;
  private static final int MOST_WITHOUT_TPM_MS = 25;
  private static final double MOST_GROWTH = 1.10;
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final long LOOK_MS = 50;

  /** The agent connects anew with what it got; that is over when the next attestation begins. */
  private static final long PAUSE_MS = 100;

  private static final long WARM_UP_PAUSE_MS = 25;

  /** Steps of the verifier that check and compute, and ask nobody. */
  private static final Set<String> VERIFY =
      Set.of(
          "open-appraisal",
          "parse-evidence",
          "check-challenge",
          "name-node",
          "check-node-record",
          "verify-certify",
          "verify-csr",
          "verify-quote",
          "check-pcr-policy",
          "check-clock",
          "conclude-appraisal");

  /** The agent's sensor, and the verifier's judgement with the transactions that belong to it. */
  private static final Set<String> LOCATION = Set.of("add-location", "to-locate-node");

  private final SeraiProcess process;
  private final FlowRecorder flows;
  private final ProducerTemplate template;
  private final Map<String, List<Long>> steps = new LinkedHashMap<>();

  /** Microseconds of one attestation; the parts do not add up where two share a transaction. */
  private record Round(long total, long tpm, long verify, long database, long location) {
    long withoutTpm() {
      return Math.max(0, total - tpm);
    }

    long rest() {
      return Math.max(0, total - tpm - verify - database - location);
    }
  }

  /** What the process holds. */
  private record Held(int tpmHandles, int threads, int descriptors, long heapKib) {}

  private SovereignBench(SeraiProcess process) {
    this.process = process;
    this.flows =
        process.camel().getCamelContextExtension().getInterceptStrategies().stream()
            .filter(FlowRecorder.class::isInstance)
            .map(FlowRecorder.class::cast)
            .findFirst()
            .orElseThrow();
    this.template = process.camel().createProducerTemplate();
  }

  /** One line of JSON, after about a minute. */
  public static String run() throws Exception {
    Path dir = Files.createTempDirectory("sb");
    try {
      LogSetup.applyToFile(dir.resolve("serai.log"));
      try (SoftwareTpm tpm = new SoftwareTpm(dir.resolve("tpm"), dir)) {
        tpm.start();
        try (SeraiProcess process = new SeraiProcess(settings(dir, tpm), Optional.empty())) {
          process.start();
          return new ObjectMapper().writeValueAsString(new SovereignBench(process).measure());
        }
      }
    } finally {
      OwnProcess.remove(dir);
    }
  }

  private static LayeredSettings settings(Path dir, SoftwareTpm tpm) throws IOException {
    Map<String, String> values = new HashMap<>();
    values.put("serai.roles", "registrar,verifier,issuer,agent");
    values.put("serai.trust-domain", "bench.example");
    values.put("serai.state-dir", dir.resolve("state").toString());
    values.put("serai.run-dir", dir.resolve("run").toString());
    values.put("serai.tpm.tcti", tpm.tcti());
    values.put("serai.tpm.allow-software", "true");
    values.put("serai.registrar.ek-trust-dir", tpm.trustDir().toString());
    values.put("serai.verifier.policy", policy(dir).toString());
    values.put("serai.issuer.challenge-location", "true");
    values.put("serai.issuer.limit.attest", "100000");
    values.put("serai.issuer.limit.attest-burst", "100000");
    values.put("serai.agent.location.sensors", "file");
    values.put("serai.agent.location.file", site(dir).toString());
    // Nothing but the attestations uses TPM and database meanwhile.
    values.put("serai.verifier.interval", "1h");
    values.put("serai.verifier.tick", "1h");
    values.put("serai.verifier.longest-back-off", "2h");
    values.put("serai.verifier.unreachable-grace", "10h");
    values.put("serai.tpm.check-interval", "1h");
    values.put("serai.audit.tick", "1h");
    values.put("serai.agent.retry-first", "200ms");
    values.put("serai.agent.retry-most", "1s");
    FreePorts.assign(values);
    return LayeredSettings.load(Optional.empty(), Map.of(), values);
  }

  private static Path policy(Path dir) throws IOException {
    return Files.writeString(
        dir.resolve("policy.json"),
        """
        {"name":"located","pcrs":{"sha256":{"7":"recorded-at-enrolment"}},
         "clock":{"allow-unsafe":true},
         "location":{"regions":{"madrid":{"circle":
             {"latitude":40.4,"longitude":-3.7,"radius-metres":20000}}},
           "default":{"need":"required","regions":["madrid"],"max-age":"10m",
             "sensors":["gnss:rack-12:SN-0815"],"device-check":"policy"}}}
        """);
  }

  private static Path site(Path dir) throws IOException {
    Path file =
        Files.writeString(
            dir.resolve("site.json"),
            """
            {"type":"gnss","sensor_id":"rack-12","sensor_serial_number":"SN-0815","source":"file",
             "latitude":40.4168,"longitude":-3.7038,"accuracy":10}
            """);
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  private Map<String, Object> measure() throws Exception {
    awaitTrusted();
    for (int i = 0; i < WARM_UP; i++) {
      attest(WARM_UP_PAUSE_MS);
    }
    steps.clear();
    Held before = held();
    long cpu = cpuNanos();
    List<Round> rounds = new ArrayList<>();
    for (int i = 0; i < ROUNDS; i++) {
      rounds.add(attest(PAUSE_MS));
    }
    double cpuMs = (cpuNanos() - cpu) / 1e6 / ROUNDS;
    Held after = held();
    template.stop();
    return figures(rounds, cpuMs, before, after);
  }

  /** Of this process, all threads: says what an attestation costs also on a busy machine. */
  private static long cpuNanos() {
    return ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class)
        .getProcessCpuTime();
  }

  private void awaitTrusted() throws InterruptedException {
    RoleHealth agent = process.context().find("roleHealth-agent", RoleHealth.class);
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!agent.standing().notReady().isEmpty()) {
      if (System.nanoTime() > end) {
        throw new IllegalStateException("the agent is not ready: " + agent.standing());
      }
      TimeUnit.MILLISECONDS.sleep(LOOK_MS);
    }
  }

  private Round attest(long pause) throws InterruptedException {
    TimeUnit.MILLISECONDS.sleep(pause);
    String traceId = TraceId.random();
    long tpm = micros("serai.tpm.operation");
    long database = micros("serai.database");
    long begin = System.nanoTime();
    Exchange done =
        template.request(
            "direct:attest-to-issuer", exchange -> exchange.setVariable(TraceId.VARIABLE, traceId));
    long total = (System.nanoTime() - begin) / 1_000;
    if (done.isFailed() || done.getMessage().getBody() instanceof Refused) {
      throw new IllegalStateException(
          "the node was refused: " + done.getMessage().getBody(), done.getException());
    }
    List<Flow.Step> ran =
        flows
            .flow(traceId)
            .map(Flow::steps)
            .orElseThrow(() -> new IllegalStateException("no flow"));
    for (Flow.Step step : ran) {
      steps
          .computeIfAbsent(step.stepId(), id -> new ArrayList<>())
          .add(step.tookMicros().orElse(0L));
    }
    return new Round(
        total,
        micros("serai.tpm.operation") - tpm,
        sum(ran, VERIFY),
        micros("serai.database") - database,
        sum(ran, LOCATION));
  }

  private static long sum(List<Flow.Step> ran, Set<String> ids) {
    List<Flow.Step> found = ran.stream().filter(step -> ids.contains(step.stepId())).toList();
    if (found.size() != ids.size()) {
      throw new IllegalStateException("of %s only %s ran".formatted(ids, found));
    }
    return found.stream().mapToLong(step -> step.tookMicros().orElse(0L)).sum();
  }

  private long micros(String timer) {
    return Math.round(
        process.context().meters().find(timer).timers().stream()
            .mapToDouble((Timer one) -> one.totalTime(TimeUnit.MICROSECONDS))
            .sum());
  }

  private Held held() throws IOException, InterruptedException {
    TimeUnit.SECONDS.sleep(2); // what the last attestation still closes
    System.gc();
    int descriptors;
    try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
      descriptors = (int) files.count();
    }
    return new Held(
        process.context().find("tpm", Tpm.class).properties().loadedHandles(),
        ManagementFactory.getThreadMXBean().getThreadCount(),
        descriptors,
        ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() / 1024);
  }

  private Map<String, Object> figures(List<Round> rounds, double cpuMs, Held before, Held after) {
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("bench", "sovereign");
    figures.put("processors", Runtime.getRuntime().availableProcessors());
    figures.put("loadAverage", ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
    figures.put("attestations", ROUNDS);
    put(figures, "total", rounds, Round::total);
    put(figures, "tpm", rounds, Round::tpm);
    put(figures, "withoutTpm", rounds, Round::withoutTpm);
    put(figures, "verify", rounds, Round::verify);
    put(figures, "database", rounds, Round::database);
    put(figures, "location", rounds, Round::location);
    put(figures, "rest", rounds, Round::rest);
    figures.put("cpuMeanMs", Math.round(cpuMs * 100) / 100.0);
    double median = percentile(rounds, Round::withoutTpm, 50);
    figures.put("wantedWithoutTpmMs", MOST_WITHOUT_TPM_MS);
    growth(figures, "tpmHandles", before.tpmHandles(), after.tpmHandles());
    growth(figures, "threads", before.threads(), after.threads());
    growth(figures, "descriptors", before.descriptors(), after.descriptors());
    growth(figures, "heapKib", before.heapKib(), after.heapKib());
    Map<String, Double> slowest = new LinkedHashMap<>();
    steps.entrySet().stream()
        .sorted((a, b) -> Double.compare(median(b.getValue()), median(a.getValue())))
        .limit(12)
        .forEach(step -> slowest.put(step.getKey(), median(step.getValue())));
    figures.put("stepsMedianMs", slowest);
    figures.put(
        "ok",
        median < MOST_WITHOUT_TPM_MS
            && after.tpmHandles() <= before.tpmHandles()
            && after.threads() <= MOST_GROWTH * before.threads()
            && after.descriptors() <= MOST_GROWTH * before.descriptors()
            && after.heapKib() <= MOST_GROWTH * before.heapKib());
    return figures;
  }

  private static void growth(Map<String, Object> figures, String what, long before, long after) {
    figures.put(what + "Before", before);
    figures.put(what + "After", after);
    if (before > 0) {
      figures.put(what + "Ratio", Math.round(100.0 * after / before) / 100.0);
    }
  }

  private static void put(
      Map<String, Object> figures, String part, List<Round> rounds, ToLongFunction<Round> of) {
    figures.put(part + "MedianMs", percentile(rounds, of, 50));
    figures.put(part + "P99Ms", percentile(rounds, of, 99));
  }

  private static double percentile(List<Round> rounds, ToLongFunction<Round> of, int percent) {
    return at(rounds.stream().mapToLong(of).sorted().toArray(), percent);
  }

  private static double median(List<Long> micros) {
    return at(micros.stream().mapToLong(Long::longValue).sorted().toArray(), 50);
  }

  /** In milliseconds. */
  private static double at(long[] sorted, int percent) {
    int index = (int) Math.ceil(sorted.length * percent / 100.0) - 1;
    return Math.round(sorted[Math.max(0, index)] / 10.0) / 100.0;
  }
}
