package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.rpc.ErrorInfo;
import dev.serai.agent.AgentStatus;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.bundle.v1.BundleGrpc;
import dev.serai.proto.spire.bundle.v1.GetBundleRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryResponse;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * All roles in one process: what hangs, the database or the TPM, holds up what needs it and nothing
 * else.
 */
@Tag("slow")
class BulkheadsTest {
  @TempDir static Path dir;
  private static final SwTpm TPM = SwTpm.fresh();
  private static SeraiHarness serai;
  private static ManagedChannel admin;
  private static ManagedChannel workload;
  private final HttpClient http = HttpClient.newHttpClient();

  @BeforeAll
  static void start() throws Exception {
    Path trust = Files.createDirectories(dir.resolve("ek"));
    Files.write(trust.resolve("ca.der"), SwTpm.ekCa().getEncoded());
    serai =
        SeraiHarness.roles("issuer", "registrar", "verifier", "agent")
            .with("serai.tpm.tcti", TPM.tcti())
            .with("serai.tpm.allow-software", "true")
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .with("serai.verifier.policy", "builtin:demo")
            .with("serai.verifier.interval", "1s")
            .with("serai.verifier.tick", "200ms")
            .with("serai.verifier.breaker-open", "1s")
            .with("serai.verifier.longest-back-off", "1s")
            .with("serai.agent.sync-period", "500")
            .start();
    admin = SpiffeChannels.unix(Path.of(serai.setting("serai.issuer.admin-socket")));
    workload = SpiffeChannels.unix(Path.of(serai.setting("serai.agent.workload-socket")));
    await().until(() -> serai.bean("agentStatus", AgentStatus.class).attested());
    assertThat(create("/app", 60).getResults(0).getStatus().getCode()).isZero();
    await().ignoreExceptions().until(BulkheadsTest::workloadIsServed);
  }

  @AfterAll
  static void stop() {
    TPM.cont();
    workload.shutdownNow();
    admin.shutdownNow();
    serai.close();
    TPM.close();
  }

  private static SPIFFEID id(String path) {
    return SPIFFEID.newBuilder().setTrustDomain("test.example").setPath(path).build();
  }

  private static BatchCreateEntryResponse create(String path, int seconds) {
    return EntryGrpc.newBlockingStub(admin)
        .withDeadlineAfter(seconds, TimeUnit.SECONDS)
        .batchCreateEntry(request(path));
  }

  private static BatchCreateEntryRequest request(String path) {
    String node = serai.bean("agentStatus", AgentStatus.class).nodeId().orElseThrow();
    long uid = new com.sun.security.auth.module.UnixSystem().getUid();
    return BatchCreateEntryRequest.newBuilder()
        .addEntries(
            Entry.newBuilder()
                .setSpiffeId(id(path))
                .setParentId(id("/spire/agent/unified_identity/" + node))
                .addSelectors(Selector.newBuilder().setType("unix").setValue("uid:" + uid)))
        .build();
  }

  private static boolean workloadIsServed() {
    Metadata header = new Metadata();
    header.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    Context.CancellableContext context = Context.current().withCancellation();
    Context before = context.attach();
    try {
      return SpiffeWorkloadAPIGrpc.newBlockingStub(workload)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header))
              .fetchX509SVID(X509SVIDRequest.getDefaultInstance())
              .next()
              .getSvidsCount()
          > 0;
    } finally {
      context.detach(before);
      context.cancel(null);
    }
  }

  private int get(String path) throws Exception {
    return ask(path).statusCode();
  }

  private String text(String path) throws Exception {
    return ask(path).body();
  }

  private HttpResponse<String> ask(String path) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + serai.port("serai.management.port") + path);
    return http.send(
        HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(60)).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  /** Everything that needs neither database nor TPM. */
  private void theRestAnswers() throws Exception {
    assertThat(workloadIsServed()).as("a workload").isTrue();
    assertThat(get("/health")).isIn(200, 503);
    assertThat(text("/livez")).isEqualTo("ok\n");
    assertThat(get("/metrics")).isEqualTo(200);
    assertThat(
            BundleGrpc.newBlockingStub(admin)
                .withDeadlineAfter(60, TimeUnit.SECONDS)
                .getBundle(GetBundleRequest.getDefaultInstance())
                .getX509AuthoritiesCount())
        .isPositive();
    assertThat(
            HealthGrpc.newBlockingStub(admin)
                .withDeadlineAfter(60, TimeUnit.SECONDS)
                .check(HealthCheckRequest.newBuilder().setService(AgentGrpc.SERVICE_NAME).build())
                .getStatus())
        .isEqualTo(ServingStatus.SERVING);
  }

  @Test
  void a_database_that_hangs_holds_up_writers_only() throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    CountDownLatch inside = new CountDownLatch(1);
    // A write that does not come back, as on a disk that hangs. (No other connection can hold the
    // lock: the process has it all the time.)
    Thread hanging =
        new Thread(
            () ->
                serai
                    .context()
                    .database()
                    .write(
                        connection -> {
                          inside.countDown();
                          try {
                            return release.await(5, TimeUnit.MINUTES);
                          } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                            return false;
                          }
                        }));
    hanging.start();
    try {
      inside.await();
      // More writers than there are threads for them; the deadline of each is shorter than what
      // the database would take by itself.
      List<com.google.common.util.concurrent.ListenableFuture<BatchCreateEntryResponse>> writers =
          new ArrayList<>();
      for (int i = 0; i < 24; i++) {
        writers.add(
            EntryGrpc.newFutureStub(admin)
                .withDeadlineAfter(60, TimeUnit.SECONDS)
                .batchCreateEntry(request("/held/" + i)));
      }
      theRestAnswers();
      Status.Code code = null;
      String reason = "";
      try {
        create("/in-a-hurry", 10);
      } catch (StatusRuntimeException e) {
        code = e.getStatus().getCode();
        reason = reasonOf(e);
      }
      // Our word, and in time: the client's own would be DEADLINE_EXCEEDED.
      assertThat(reason).isEqualTo("DATABASE_UNAVAILABLE");
      assertThat(code).isEqualTo(Status.Code.UNAVAILABLE);
      for (var writer : writers) {
        try {
          writer.get();
        } catch (java.util.concurrent.ExecutionException e) {
          assertThat(reasonOf((StatusRuntimeException) e.getCause()))
              .isIn("DATABASE_UNAVAILABLE", "DEADLINE_EXCEEDED");
        }
      }
      theRestAnswers();
    } finally {
      release.countDown();
      hanging.join();
    }
    await()
        .ignoreExceptions()
        .until(() -> create("/after", 60).getResults(0).getStatus().getCode() == 0);
  }

  private static String reasonOf(StatusRuntimeException failure) {
    com.google.rpc.Status status = StatusProto.fromThrowable(failure);
    try {
      return status == null || status.getDetailsCount() == 0
          ? String.valueOf(failure.getStatus())
          : status.getDetails(status.getDetailsCount() - 1).unpack(ErrorInfo.class).getReason();
    } catch (com.google.protobuf.InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void a_tpm_that_hangs_holds_up_quotes_only() throws Exception {
    TPM.stop();
    try {
      // Quotes hang, the node cannot prove itself: until that shows, and afterwards.
      await()
          .until(
              () ->
                  serai
                          .context()
                          .meters()
                          .find("serai.quote.fetch")
                          .tag("answered", "false")
                          .timers()
                          .stream()
                          .mapToLong(timer -> timer.count())
                          .sum()
                      > 0);
      theRestAnswers();
      assertThat(create("/beside-the-tpm", 60).getResults(0).getStatus().getCode()).isZero();
      assertThat(
              http.send(
                      HttpRequest.newBuilder(
                              URI.create(
                                  "http://127.0.0.1:"
                                      + serai.port("serai.registrar.port")
                                      + "/version"))
                          .timeout(Duration.ofSeconds(60))
                          .build(),
                      HttpResponse.BodyHandlers.discarding())
                  .statusCode())
          .isEqualTo(200);
    } finally {
      TPM.cont();
    }
    await().until(() -> get("/readyz") == 200);
  }
}
