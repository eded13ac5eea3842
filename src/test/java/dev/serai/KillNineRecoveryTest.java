package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.proto.serai.v1.ListNodesRequest;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryResponse;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.entry.v1.ListEntriesRequest;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.proto.workload.X509SVIDResponse;
import dev.serai.testing.SeraiChild;
import dev.serai.testing.SwTpm;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Rule 12: kill -9 at any point of enrolment, attestation and rotation recovers by itself. The
 * lifetimes are short, so that an authority or an SVID is being rotated nearly all the time. Two
 * lanes, each with a TPM and a state of its own, go at once: mostly they wait. A run is replayed
 * with -Dserai.seed.
 */
@Tag("slow")
@Tag("alone")
class KillNineRecoveryTest {
  private static final int LANES = 2;
  private static final int RUNS = 25; // in each lane
  private static final Metadata.Key<String> HEADER =
      Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER);

  @TempDir Path dir;

  @Test
  void killed_at_random_points_it_recovers_without_a_hand_and_loses_nothing() throws Exception {
    long seed = Long.getLong("serai.seed", System.nanoTime());
    System.out.println("kill -9 seed " + seed);
    ExecutorService threads = Executors.newFixedThreadPool(LANES);
    try {
      List<Callable<Void>> lanes = new ArrayList<>();
      for (int lane = 0; lane < LANES; lane++) {
        Path own = Files.createDirectory(dir.resolve("lane-" + lane));
        long first = seed + lane;
        lanes.add(
            () -> {
              recovers(own, new Random(first));
              return null;
            });
      }
      for (Future<Void> lane : threads.invokeAll(lanes)) {
        lane.get();
      }
    } finally {
      threads.shutdownNow();
    }
  }

  private static void recovers(Path dir, Random random) throws Exception {
    Set<String> acknowledged = new HashSet<>();
    Set<String> nodeIds = new HashSet<>();
    try (SwTpm tpm = SwTpm.fresh();
        SeraiChild serai = new SeraiChild(dir).withTpm(tpm)) {
      serai
          .with("serai.issuer.ca-ttl", "60s")
          .with("serai.issuer.svid-ttl", "8s")
          .with("serai.issuer.agent-ttl", "6s")
          .with("serai.verifier.interval", "1s");
      for (int run = 0; run < RUNS; run++) {
        serai.start();
        // Most kills fall into start, enrolment and attestation; some into steady rotation.
        long life = run % 5 == 4 ? 6_000 + random.nextInt(6_000) : 300 + random.nextInt(5_500);
        boolean ended = serai.endsWithin(life);
        assertThat(ended).as("run %d: the process ended by itself", run).isFalse();
        if (random.nextBoolean()) {
          createEntry(serai, run, acknowledged);
        }
        serai.kill();
        integrityOf(serai.stateDir().resolve("serai.db"));
      }
      serai.start();
      await("ready again")
          .atMost(Duration.ofSeconds(60))
          .until(() -> serai.get("/health/ready") == 200);
      createEntry(serai, RUNS, acknowledged);
      assertThat(acknowledged).contains("final-" + RUNS);
      withAdmin(
          serai,
          channel -> {
            assertThat(
                    EntryGrpc.newBlockingStub(channel)
                        .listEntries(ListEntriesRequest.getDefaultInstance())
                        .getEntriesList())
                .extracting(Entry::getId)
                .containsAll(acknowledged);
            List<NodeView> nodes =
                NodesGrpc.newBlockingStub(channel)
                    .list(ListNodesRequest.getDefaultInstance())
                    .getNodesList();
            assertThat(nodes).hasSize(1);
            nodeIds.add(nodes.get(0).getNodeId());
          });
      assertThat(nodeIds).hasSize(1);
      await("an SVID for this user")
          .atMost(Duration.ofSeconds(60))
          .ignoreException(StatusRuntimeException.class)
          .untilAsserted(() -> verifies(fetch(serai)));
      assertThat(serai.stop()).isIn(0, 143);
      assertThat(handlesOf(tpm)).as("objects left in the TPM").isEmpty();
    }
  }

  /** Acknowledged entries must be there at the end; an unanswered call may have gone either way. */
  private static void createEntry(SeraiChild serai, int run, Set<String> acknowledged) {
    String id = "final-" + run;
    Entry entry =
        Entry.newBuilder()
            .setId(id)
            .setSpiffeId(spiffeId("/workload/" + run))
            .setParentId(spiffeId("/group/all"))
            .addSelectors(selector("unix", "uid:" + (10_000 + run)))
            .build();
    try {
      withAdmin(
          serai,
          channel -> {
            BatchCreateEntryResponse answer =
                EntryGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(5, TimeUnit.SECONDS)
                    .batchCreateEntry(
                        BatchCreateEntryRequest.newBuilder().addEntries(entry).build());
            if (answer.getResults(0).getStatus().getCode() == 0) {
              acknowledged.add(answer.getResults(0).getEntry().getId());
            }
          });
    } catch (StatusRuntimeException e) {
      // Killed or not yet listening: nothing was promised.
      assertThat(e.getStatus().getCode().name()).isIn("UNAVAILABLE", "DEADLINE_EXCEEDED");
    }
  }

  private static X509SVIDResponse fetch(SeraiChild serai) {
    withAdmin(
        serai,
        channel -> {
          NodeView node =
              NodesGrpc.newBlockingStub(channel)
                  .list(ListNodesRequest.getDefaultInstance())
                  .getNodes(0);
          Entry mine =
              Entry.newBuilder()
                  .setId("mine")
                  .setSpiffeId(spiffeId("/mine"))
                  .setParentId(spiffeId(node.getSpiffeId().replaceFirst("spiffe://[^/]+", "")))
                  .addSelectors(selector("unix", "uid:" + uid()))
                  .build();
          EntryGrpc.newBlockingStub(channel)
              .batchCreateEntry(BatchCreateEntryRequest.newBuilder().addEntries(mine).build());
        });
    Metadata metadata = new Metadata();
    metadata.put(HEADER, "true");
    ManagedChannel channel = SeraiChild.channel(serai.workloadSocket());
    try {
      return SpiffeWorkloadAPIGrpc.newBlockingStub(channel)
          .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata))
          .withDeadlineAfter(5, TimeUnit.SECONDS)
          .fetchX509SVID(X509SVIDRequest.getDefaultInstance())
          .next();
    } finally {
      channel.shutdownNow();
    }
  }

  private static void verifies(X509SVIDResponse answer) throws Exception {
    CertificateFactory x509 = CertificateFactory.getInstance("X.509");
    Set<TrustAnchor> anchors = new HashSet<>();
    for (var authority :
        x509.generateCertificates(
            new ByteArrayInputStream(answer.getSvids(0).getBundle().toByteArray()))) {
      anchors.add(new TrustAnchor((X509Certificate) authority, null));
    }
    List<X509Certificate> chain =
        x509
            .generateCertificates(
                new ByteArrayInputStream(answer.getSvids(0).getX509Svid().toByteArray()))
            .stream()
            .map(X509Certificate.class::cast)
            .toList();
    PKIXParameters parameters = new PKIXParameters(anchors);
    parameters.setRevocationEnabled(false);
    CertPathValidator.getInstance("PKIX").validate(x509.generateCertPath(chain), parameters);
    assertThat(answer.getSvids(0).getSpiffeId()).isEqualTo("spiffe://child.test/mine");
  }

  private static void integrityOf(Path database) throws Exception {
    if (!database.toFile().exists()) {
      return;
    }
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + database);
        Statement statement = connection.createStatement();
        ResultSet answer = statement.executeQuery("PRAGMA integrity_check")) {
      assertThat(answer.next()).isTrue();
      assertThat(answer.getString(1)).isEqualTo("ok");
    }
  }

  private static String handlesOf(SwTpm tpm) throws Exception {
    StringBuilder all = new StringBuilder();
    for (String kind : List.of("handles-transient", "handles-loaded-session")) {
      ProcessBuilder tool = new ProcessBuilder("tpm2_getcap", kind);
      tool.environment().put("TPM2TOOLS_TCTI", tpm.tcti());
      Process process = tool.redirectErrorStream(true).start();
      all.append(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
      assertThat(process.waitFor()).isZero();
    }
    return all.toString().strip();
  }

  private static int uid() {
    try {
      return (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    } catch (java.io.IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static SPIFFEID spiffeId(String path) {
    return SPIFFEID.newBuilder().setTrustDomain("child.test").setPath(path).build();
  }

  private static Selector selector(String type, String value) {
    return Selector.newBuilder().setType(type).setValue(value).build();
  }

  private interface Calls {
    void on(Channel channel);
  }

  private static void withAdmin(SeraiChild serai, Calls calls) {
    ManagedChannel channel = SeraiChild.channel(serai.adminSocket());
    try {
      calls.on(channel);
    } finally {
      channel.shutdownNow();
    }
  }
}
