package dev.serai.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.app.FreePorts;
import dev.serai.app.LayeredSettings;
import dev.serai.app.LogSetup;
import dev.serai.app.SeraiProcess;
import dev.serai.app.SoftwareTpm;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.serai.v1.ListNodesRequest;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryResponse;
import dev.serai.proto.spire.entry.v1.BatchDeleteEntryRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.proto.workload.X509SVIDResponse;
import dev.serai.role.RoleHealth;
import dev.serai.spiffe.SpiffeId;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.spec.TpmHash;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * How soon a workload with an open stream sees what was decided elsewhere: a new entry as an SVID,
 * a rejection of its machine as PermissionDenied. All roles in this process, on a software TPM.
 */
public final class FlowBench {
  private static final String DOMAIN = "bench.example";
  private static final int ENTRY_ROUNDS = 30;
  private static final int REJECTION_ROUNDS = 6;
  private static final double ENTRY_TARGET_MS = 500;
  private static final double REJECTION_TARGET_MS = 1000;
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final long LOOK_MS = 50;

  private final SoftwareTpm tpm;
  private final SeraiProcess process;
  private final ManagedChannel admin;
  private final ManagedChannel workload;
  private final String uid;
  private String agentPath = "";

  private FlowBench(Path dir, SoftwareTpm tpm, SeraiProcess process) throws IOException {
    this.tpm = tpm;
    this.process = process;
    this.uid = Files.getAttribute(dir, "unix:uid").toString();
    this.admin = SpiffeChannels.unix(Path.of(process.settings().text("serai.issuer.admin-socket")));
    this.workload =
        SpiffeChannels.unix(Path.of(process.settings().text("serai.agent.workload-socket")));
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
          return new ObjectMapper().writeValueAsString(new FlowBench(dir, tpm, process).measure());
        }
      }
    } finally {
      remove(dir);
    }
  }

  private static LayeredSettings settings(Path dir, SoftwareTpm tpm) throws IOException {
    Map<String, String> values = new HashMap<>();
    values.put("serai.trust-domain", DOMAIN);
    values.put("serai.state-dir", dir.resolve("state").toString());
    values.put("serai.run-dir", dir.resolve("run").toString());
    values.put("serai.tpm.tcti", tpm.tcti());
    values.put("serai.tpm.allow-software", "true");
    values.put("serai.registrar.ek-trust-dir", tpm.trustDir().toString());
    values.put("serai.verifier.policy", "builtin:demo");
    // Short pauses between rounds; what is measured depends on none of them.
    values.put("serai.verifier.interval", "1s");
    values.put("serai.verifier.tick", "200ms");
    values.put("serai.verifier.longest-back-off", "2s");
    values.put("serai.verifier.breaker-open", "1s");
    values.put("serai.issuer.limit.attest", "100");
    values.put("serai.issuer.limit.attest-burst", "100");
    values.put("serai.agent.retry-first", "200ms");
    values.put("serai.agent.retry-most", "1s");
    values.put("serai.agent.denied-retry-first", "500ms");
    values.put("serai.agent.denied-retry-most", "1s");
    FreePorts.assign(values);
    return LayeredSettings.load(Optional.empty(), Map.of(), values);
  }

  private Map<String, Object> measure() throws Exception {
    try {
      awaitTrusted();
      create("/first");
      awaitServed("/first");
      double[] fromAnswer = new double[ENTRY_ROUNDS];
      double[] fromCall = new double[ENTRY_ROUNDS];
      entries(fromAnswer, fromCall);
      double[] rejections = new double[REJECTION_ROUNDS];
      for (int i = 0; i < REJECTION_ROUNDS; i++) {
        rejections[i] = rejection();
      }
      Map<String, Object> figures = new LinkedHashMap<>();
      figures.put("bench", "flow");
      figures.put("processors", Runtime.getRuntime().availableProcessors());
      figures.put("entryRounds", ENTRY_ROUNDS);
      figures.put("entryToSvidFromAnswerMedianMs", median(fromAnswer));
      figures.put("entryToSvidFromAnswerMaxMs", most(fromAnswer));
      figures.put("entryToSvidFromCallMedianMs", median(fromCall));
      figures.put("entryToSvidFromCallMaxMs", most(fromCall));
      figures.put("targetEntryMs", ENTRY_TARGET_MS);
      figures.put("rejectionRounds", REJECTION_ROUNDS);
      figures.put("verdictToDeniedMedianMs", median(rejections));
      figures.put("verdictToDeniedMaxMs", most(rejections));
      figures.put("targetRejectionMs", REJECTION_TARGET_MS);
      figures.put("ok", most(fromCall) < ENTRY_TARGET_MS && most(rejections) < REJECTION_TARGET_MS);
      return figures;
    } finally {
      workload.shutdownNow();
      admin.shutdownNow();
    }
  }

  private void entries(double[] fromAnswer, double[] fromCall) throws Exception {
    OpenStream stream = new OpenStream();
    stream.await(ids -> ids.contains(id("/first")));
    for (int i = 0; i < ENTRY_ROUNDS; i++) {
      String path = "/round/" + i;
      long called = System.nanoTime();
      String entry = create(path);
      long answered = System.nanoTime();
      long seen = stream.await(ids -> ids.contains(id(path)));
      // It may be seen before the call has answered.
      fromAnswer[i] = Math.max(0, seen - answered) / 1e6;
      fromCall[i] = (seen - called) / 1e6;
      EntryGrpc.newBlockingStub(admin)
          .batchDeleteEntry(BatchDeleteEntryRequest.newBuilder().addIds(entry).build());
      stream.await(ids -> !ids.contains(id(path)));
    }
    stream.call.cancel("measured", null);
  }

  /** From the verdict, as the verifier dates it before it is written, to the end of the stream. */
  private double rejection() throws Exception {
    OpenStream stream = new OpenStream();
    stream.await(ids -> ids.contains(id("/first")));
    process
        .context()
        .find("tpm", Tpm.class)
        .extendPcr(7, TpmHash.SHA256, Bytes.copyOf(new byte[32]));
    OpenStream.Seen end = stream.end();
    if (end.code() != Status.Code.PERMISSION_DENIED) {
      throw new IllegalStateException("the stream ended with " + end.code());
    }
    NodeView node = node().orElseThrow();
    if (!node.getState().equals("UNTRUSTED")) {
      throw new IllegalStateException("the node is " + node.getState());
    }
    tpm.powerCycle();
    awaitTrusted();
    awaitServed("/first");
    return end.atMillis() - node.getLastVerdictAt();
  }

  private void awaitTrusted() throws Exception {
    RoleHealth agent = process.context().find("roleHealth-agent", RoleHealth.class);
    await("an attested agent", () -> agent.standing().notReady().isEmpty());
    agentPath = SpiffeId.parse(agent.standing().facts().getOrDefault("spiffeId", "")).path();
    await("a trusted node", () -> node().filter(n -> n.getState().equals("TRUSTED")).isPresent());
  }

  private void awaitServed(String path) throws Exception {
    await(
        "an SVID",
        () -> {
          OpenStream stream = new OpenStream();
          OpenStream.Seen first = stream.next();
          stream.call.cancel("seen", null);
          return first.ids().contains(id(path));
        });
  }

  private Optional<NodeView> node() {
    return NodesGrpc.newBlockingStub(admin)
        .list(ListNodesRequest.getDefaultInstance())
        .getNodesList()
        .stream()
        .filter(node -> node.getSpiffeId().equals(id(agentPath)))
        .findFirst();
  }

  private String create(String path) {
    BatchCreateEntryResponse.Result result =
        EntryGrpc.newBlockingStub(admin)
            .batchCreateEntry(
                BatchCreateEntryRequest.newBuilder()
                    .addEntries(
                        Entry.newBuilder()
                            .setSpiffeId(spiffeId(path))
                            .setParentId(spiffeId(agentPath))
                            .addSelectors(
                                Selector.newBuilder().setType("unix").setValue("uid:" + uid)))
                    .build())
            .getResults(0);
    if (result.getStatus().getCode() != 0) {
      throw new IllegalStateException(result.getStatus().getMessage());
    }
    return result.getEntry().getId();
  }

  private static SPIFFEID spiffeId(String path) {
    return SPIFFEID.newBuilder().setTrustDomain(DOMAIN).setPath(path).build();
  }

  private static String id(String path) {
    return "spiffe://" + DOMAIN + path;
  }

  private static void await(String what, Callable<Boolean> condition) throws Exception {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.call()) {
      if (System.nanoTime() > end) {
        throw new IllegalStateException("waited in vain for " + what);
      }
      TimeUnit.MILLISECONDS.sleep(LOOK_MS);
    }
  }

  /** A workload's stream. */
  private final class OpenStream
      implements ClientResponseObserver<X509SVIDRequest, X509SVIDResponse> {
    private final BlockingQueue<Seen> seen = new LinkedBlockingQueue<>();
    private volatile ClientCallStreamObserver<X509SVIDRequest> call;

    /** A message with these ids, or (code not OK) the end. */
    private record Seen(List<String> ids, Status.Code code, long nanos, long atMillis) {}

    OpenStream() {
      Metadata header = new Metadata();
      header.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
      SpiffeWorkloadAPIGrpc.newStub(workload)
          .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header))
          .fetchX509SVID(X509SVIDRequest.getDefaultInstance(), this);
    }

    Seen next() throws InterruptedException {
      Seen next = seen.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      if (next == null) {
        throw new IllegalStateException("the stream is silent");
      }
      return next;
    }

    /** When the first such message came. */
    long await(Predicate<List<String>> wanted) throws InterruptedException {
      while (true) {
        Seen next = next();
        if (next.code() != Status.Code.OK) {
          throw new IllegalStateException("the stream ended with " + next.code());
        }
        if (wanted.test(next.ids())) {
          return next.nanos();
        }
      }
    }

    Seen end() throws InterruptedException {
      Seen next = next();
      while (next.code() == Status.Code.OK) {
        next = next();
      }
      return next;
    }

    private void add(List<String> ids, Status.Code code) {
      seen.add(new Seen(ids, code, System.nanoTime(), System.currentTimeMillis()));
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<X509SVIDRequest> stream) {
      call = stream;
    }

    @Override
    public void onNext(X509SVIDResponse message) {
      add(message.getSvidsList().stream().map(svid -> svid.getSpiffeId()).toList(), Status.Code.OK);
    }

    @Override
    public void onError(Throwable failure) {
      add(List.of(), Status.fromThrowable(failure).getCode());
    }

    @Override
    public void onCompleted() {
      add(List.of(), Status.Code.UNKNOWN);
    }
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return rounded((sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2);
  }

  private static double most(double[] values) {
    return rounded(Arrays.stream(values).max().orElseThrow());
  }

  private static double rounded(double millis) {
    return Math.round(millis * 10) / 10.0;
  }

  private static void remove(Path dir) throws IOException {
    try (Stream<Path> files = Files.walk(dir)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
