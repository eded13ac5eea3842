package dev.serai.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.app.SoftwareTpm;
import dev.serai.proto.workload.X509SVIDResponse;
import dev.serai.tpm.Bytes;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Memory of a process with all roles after the work of a day. No clock is turned: what happens in a
 * day at the defaults happens as often, with shorter pauses. Appraisals set the pace; what callers
 * do in a day (scrapes, probes, fetches, changes of entries, lists) is done in step with them, and
 * lives and periods are shortened so that at least a day's renewals and synchronisations fall into
 * the run. The base line is taken when a twentieth of it is done.
 */
public final class SoakBench {
  private static final int HOURS = 24;
  private static final int APPRAISALS = HOURS * 360;
  private static final int WORKLOADS = 10;
  private static final int STREAMS = 10;
  private static final double BASE_LINE = 0.05;
  private static final int SAMPLES = 24;
  private static final double MOST_GROWTH = 1.10;
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Duration STALLED = Duration.ofMinutes(2);
  private static final long LOOK_MS = 40;

  /** What callers do in a day, at the pauses that are usual. */
  private static final int SCRAPES = HOURS * 240;

  private static final int PROBES = HOURS * 360;
  private static final int FETCHES = HOURS * 60;
  private static final int ENTRY_CHANGES = HOURS * 4;
  private static final int LISTS = HOURS * 12;

  private final OwnProcess process;
  private final Path dir;
  private final LocalCalls calls;
  private final AtomicInteger messages = new AtomicInteger();
  private final AtomicInteger endedStreams = new AtomicInteger();
  private final List<Long> resident = new ArrayList<>();
  private String agentPath = "";
  private int notReady;
  private int notServed;
  private long scrapes;
  private long probes;
  private long fetches;
  private long changes;
  private long lists;

  private record Sample(
      double hour,
      long residentKib,
      long heapKib,
      int threads,
      int descriptors,
      long databaseKib,
      long logKib) {}

  private SoakBench(OwnProcess process, Path dir) throws IOException {
    this.process = process;
    this.dir = dir;
    this.calls = new LocalCalls(process);
  }

  /** One line of JSON, after five minutes or more. */
  public static String run() throws Exception {
    Path dir = Files.createTempDirectory("sb");
    try (SoftwareTpm tpm = new SoftwareTpm(dir.resolve("tpm"), dir)) {
      tpm.start();
      Path file = OwnProcess.configuration(dir, "all", tpm, shortPauses());
      try (OwnProcess process = new OwnProcess(dir, "all", file)) {
        process.start().awaitReady();
        SoakBench bench = new SoakBench(process, dir);
        try {
          return new ObjectMapper().writeValueAsString(bench.measure());
        } finally {
          bench.calls.close();
        }
      }
    } finally {
      OwnProcess.remove(dir);
    }
  }

  /** A day in about five minutes: the defaults divided by about 300. */
  private static Map<String, String> shortPauses() {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("serai.verifier.interval", "10ms"); // and the time of the appraisal itself
    values.put("serai.verifier.tick", "10ms");
    values.put("serai.agent.sync-period", "15");
    values.put("serai.agent.quotes-per-second", "1000");
    values.put("serai.agent.quote-burst", "1000");
    values.put("serai.tpm.check-interval", "100ms");
    values.put("serai.audit.tick", "70ms");
    values.put("serai.issuer.rotation-check", "70ms");
    values.put("serai.issuer.ca-ttl", "300s");
    values.put("serai.issuer.svid-ttl", "20s");
    values.put("serai.issuer.agent-ttl", "20s");
    values.put("serai.issuer.limit.status", "1000");
    return values;
  }

  private Map<String, Object> measure() throws Exception {
    agentPath = calls.awaitTrusted(PATIENCE);
    for (int i = 0; i < WORKLOADS; i++) {
      calls.create(agentPath, "/workload/" + i);
    }
    calls.awaitServed(PATIENCE);
    for (int i = 0; i < STREAMS; i++) {
      calls.stream(new Counter());
    }
    long begin = System.nanoTime();
    double first = appraisals(process.text("/metrics"));
    Sample base = null;
    double done = 0;
    double moved = 0;
    long movedAt = begin;
    while (done < 1) {
      done = (appraisals(process.text("/metrics")) - first) / APPRAISALS;
      scrapes++;
      step(done);
      if (base == null && done >= BASE_LINE) {
        base = sample(done);
      }
      if (base != null && done * SAMPLES >= resident.size()) {
        resident.add(process.residentKib());
      }
      if (done > moved) {
        moved = done;
        movedAt = System.nanoTime();
      } else if (System.nanoTime() - movedAt > STALLED.toNanos()) {
        throw new IllegalStateException("no appraisal for two minutes; see " + process.log());
      }
      TimeUnit.MILLISECONDS.sleep(LOOK_MS);
    }
    long seconds = Duration.ofNanos(System.nanoTime() - begin).toSeconds();
    Sample end = sample(done);
    return figures(base, end, process.text("/metrics"), seconds);
  }

  /** What callers do until so much of the day is over. */
  private void step(double done) throws Exception {
    process.requireAlive();
    for (; probes < done * PROBES; probes++) {
      if (process.get("/health/live") != 200 || process.get("/health/ready") != 200) {
        notReady++;
      }
    }
    for (; fetches < done * FETCHES; fetches++) {
      if (!calls.isServed()) {
        notServed++;
      }
    }
    for (; changes < done * ENTRY_CHANGES; changes++) {
      calls.delete(calls.create(agentPath, "/change/" + changes));
    }
    for (; lists < done * LISTS; lists++) {
      calls.nodes();
    }
    for (; scrapes < done * SCRAPES; scrapes++) {
      process.text("/metrics");
    }
  }

  private static double appraisals(String metrics) {
    return labelled(metrics, "serai_verdicts_total", "result=\"trusted\"");
  }

  private static double sum(String metrics, String name) {
    return labelled(metrics, name, "");
  }

  private static double labelled(String metrics, String name, String label) {
    return metrics
        .lines()
        .filter(line -> line.startsWith(name + "{") || line.startsWith(name + " "))
        .filter(line -> line.contains(label))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }

  private Sample sample(double done) throws IOException, InterruptedException {
    long heap = LiveHeap.kib(process.pid());
    return new Sample(
        done * HOURS,
        process.residentKib(),
        heap,
        process.threads(),
        process.descriptors(),
        size("serai.db") + size("serai.db-wal"),
        Files.size(process.log()) / 1024);
  }

  private long size(String name) throws IOException {
    Path file = Path.of(process.setting("serai.state-dir"), name);
    return Files.exists(file) ? Files.size(file) / 1024 : 0;
  }

  private Map<String, Object> figures(Sample base, Sample end, String metrics, long seconds)
      throws Exception {
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("bench", "soak");
    figures.put("processors", Runtime.getRuntime().availableProcessors());
    figures.put("seconds", seconds);
    figures.put("simulatedHours", HOURS);
    figures.put("appraisals", Math.round(appraisals(metrics)));
    figures.put("agentSvids", issued(metrics, "agent"));
    figures.put("workloadSvids", issued(metrics, "x509"));
    figures.put("roleSvids", issued(metrics, "role"));
    figures.put("quotes", Math.round(sum(metrics, "serai_quote_seconds_count")));
    figures.put("authorities", preparedAuthorities(metrics));
    figures.put("syncs", syncs(metrics));
    figures.put("auditRecords", Math.round(sum(metrics, "serai_audit_records_total")));
    figures.put("streamMessages", messages.get());
    figures.put("scrapes", scrapes);
    figures.put("probes", 2 * probes);
    figures.put("fetches", fetches);
    figures.put("entryChanges", 2 * changes);
    figures.put("notReady", notReady);
    figures.put("notServed", notServed);
    figures.put("endedStreams", endedStreams.get());
    figures.put("internalErrors", Math.round(sum(metrics, "serai_internal_errors_total")));
    figures.put("baseLineHour", rounded(base.hour()));
    figures.put("residentMbBaseLine", base.residentKib() / 1024);
    figures.put("residentMbEnd", end.residentKib() / 1024);
    figures.put(
        "residentMbMost", resident.stream().mapToLong(Long::longValue).max().orElse(0) / 1024);
    double growth = (double) end.residentKib() / base.residentKib();
    double heapGrowth = (double) end.heapKib() / base.heapKib();
    figures.put("residentToBaseLine", rounded(growth));
    figures.put("heapKibBaseLine", base.heapKib());
    figures.put("heapKibEnd", end.heapKib());
    figures.put("heapToBaseLine", rounded(heapGrowth));
    figures.put("threadsBaseLine", base.threads());
    figures.put("threadsEnd", end.threads());
    figures.put("descriptorsBaseLine", base.descriptors());
    figures.put("descriptorsEnd", end.descriptors());
    figures.put("databaseKibEnd", end.databaseKib());
    figures.put("databaseKibPerHour", perHour(base, end, end.databaseKib() - base.databaseKib()));
    figures.put("logKibPerHour", perHour(base, end, end.logKib() - base.logKib()));
    boolean undisturbed = notReady + notServed + endedStreams.get() == 0;
    process.kill(); // what it holds in the TPM, nothing can clean up now
    figures.put("tpmHandles", tpmHandles());
    figures.put("target", MOST_GROWTH);
    figures.put("ok", growth <= MOST_GROWTH && heapGrowth <= MOST_GROWTH && undisturbed);
    return figures;
  }

  private static long issued(String metrics, String kind) {
    return Math.round(labelled(metrics, "serai_svids_issued_total", "kind=\"" + kind + "\""));
  }

  private static long preparedAuthorities(String metrics) {
    return Math.round(
        labelled(metrics, "serai_audit_records_total", "kind=\"authority.prepared\""));
  }

  private static long syncs(String metrics) {
    return Math.round(labelled(metrics, "serai_rpc_calls_total", "SyncAuthorizedEntries"));
  }

  private static double perHour(Sample base, Sample end, long kib) {
    return rounded(kib / (end.hour() - base.hour()));
  }

  private static double rounded(double value) {
    return Math.round(value * 100) / 100.0;
  }

  /** Transient objects, loaded and saved sessions: TPM2_GetCapability(TPM_CAP_HANDLES). */
  private int tpmHandles() throws IOException {
    int handles = 0;
    try (SocketChannel tpm = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      tpm.connect(UnixDomainSocketAddress.of(dir.resolve("tpm.sock")));
      for (String range : List.of("80000000", "02000000", "03000000")) {
        Bytes question = Bytes.ofHex("8001000000160000017a00000001" + range + "00000040");
        tpm.write(ByteBuffer.wrap(question.toArray()));
        ByteBuffer answer = ByteBuffer.allocate(4096);
        tpm.read(answer);
        handles += answer.getInt(15);
      }
    }
    return handles;
  }

  /** A workload that holds a stream. */
  private final class Counter implements StreamObserver<X509SVIDResponse> {
    @Override
    public void onNext(X509SVIDResponse message) {
      messages.incrementAndGet();
    }

    @Override
    public void onError(Throwable failure) {
      endedStreams.incrementAndGet();
    }

    @Override
    public void onCompleted() {
      endedStreams.incrementAndGet();
    }
  }
}
