package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.agent.AgentStatus;
import dev.serai.appraisal.EnrolledNodes;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.serai.v1.ShowNodeRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.proto.workload.X509SVIDResponse;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.spec.TpmHash;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.spiffe.workloadapi.DefaultX509Source;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** All roles in one JVM with a software TPM, from enrolment to a workload's SVID and back. */
@Tag("slow")
class AllInOneTest {
  private static final Duration SOON = Duration.ofSeconds(60);

  @TempDir Path dir;
  private final SwTpm swtpm = SwTpm.fresh();
  private SeraiHarness serai;
  private ManagedChannel admin;
  private ManagedChannel workload;

  @BeforeEach
  void start() throws Exception {
    Path trust = Files.createDirectories(dir.resolve("ek"));
    Files.writeString(trust.resolve("ca.pem"), pem(SwTpm.ekRoot().getEncoded()));
    int tlsPort = SeraiHarness.freePort();
    serai =
        SeraiHarness.roles("issuer", "registrar", "verifier", "agent")
            .with("serai.registrar.tls-port", Integer.toString(tlsPort))
            .with("serai.agent.registrar", "https://127.0.0.1:" + tlsPort)
            .with("serai.tpm.tcti", swtpm.tcti())
            .with("serai.tpm.allow-software", "true")
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .with("serai.verifier.policy", "builtin:demo")
            .with("serai.verifier.interval", "1s")
            .with("serai.verifier.tick", "200ms")
            .with("serai.verifier.longest-back-off", "2s")
            .with("serai.verifier.breaker-open", "1s")
            .with("serai.issuer.limit.attest", "100")
            .with("serai.issuer.limit.attest-burst", "100")
            .with("serai.agent.retry-first", "200ms")
            .with("serai.agent.retry-most", "1s")
            .with("serai.agent.denied-retry-first", "500ms")
            .with("serai.agent.denied-retry-most", "1s")
            .start();
    admin = SpiffeChannels.unix(Path.of(serai.setting("serai.issuer.admin-socket")));
    workload = SpiffeChannels.unix(Path.of(serai.setting("serai.agent.workload-socket")));
  }

  @AfterEach
  void end() {
    workload.shutdownNow();
    admin.shutdownNow();
    serai.close();
    swtpm.close();
  }

  private static String pem(byte[] der) {
    return "-----BEGIN CERTIFICATE-----\n"
        + Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII)).encodeToString(der)
        + "\n-----END CERTIFICATE-----\n";
  }

  private AgentStatus agent() {
    return serai.bean("agentStatus", AgentStatus.class);
  }

  private NodeView node() {
    return NodesGrpc.newBlockingStub(admin)
        .show(ShowNodeRequest.newBuilder().setId(agent().nodeId().orElseThrow()).build());
  }

  private void trusted() {
    await().atMost(SOON).until(() -> agent().attested());
    await().atMost(SOON).ignoreExceptions().until(() -> node().getState().equals("TRUSTED"));
  }

  private void createEntry(String path) {
    String uid = Long.toString(new com.sun.security.auth.module.UnixSystem().getUid());
    var created =
        EntryGrpc.newBlockingStub(admin)
            .batchCreateEntry(
                BatchCreateEntryRequest.newBuilder()
                    .addEntries(
                        Entry.newBuilder()
                            .setSpiffeId(id(path))
                            .setParentId(
                                id(
                                    "/spire/agent/unified_identity/"
                                        + agent().nodeId().orElseThrow()))
                            .addSelectors(
                                Selector.newBuilder().setType("unix").setValue("uid:" + uid)))
                    .build());
    assertThat(created.getResults(0).getStatus().getCode())
        .as(created.getResults(0).getStatus().getMessage())
        .isZero();
  }

  private static SPIFFEID id(String path) {
    return SPIFFEID.newBuilder().setTrustDomain("test.example").setPath(path).build();
  }

  /** What a stream says: lists of SPIFFE ids, then the code of its end. */
  private BlockingQueue<Object> fetch() {
    BlockingQueue<Object> seen = new LinkedBlockingQueue<>();
    Metadata header = new Metadata();
    header.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    SpiffeWorkloadAPIGrpc.newStub(workload)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header))
        .fetchX509SVID(
            X509SVIDRequest.getDefaultInstance(),
            new StreamObserver<X509SVIDResponse>() {
              @Override
              public void onNext(X509SVIDResponse response) {
                seen.add(response.getSvidsList().stream().map(s -> s.getSpiffeId()).toList());
              }

              @Override
              public void onError(Throwable failure) {
                seen.add(Status.fromThrowable(failure).getCode());
              }

              @Override
              public void onCompleted() {
                seen.add(Status.Code.OK);
              }
            });
    return seen;
  }

  private static Object next(BlockingQueue<Object> stream) throws Exception {
    Object seen = stream.poll(SOON.toMillis(), TimeUnit.MILLISECONDS);
    assertThat(seen).as("nothing within %s", SOON).isNotNull();
    return seen;
  }

  private boolean served() throws Exception {
    return next(fetch()) instanceof List;
  }

  private long quotesAnswered() {
    return serai
        .context()
        .meters()
        .find("serai.quote.fetch")
        .tag("answered", "true")
        .timers()
        .stream()
        .mapToLong(timer -> timer.count())
        .sum();
  }

  @Test
  void a_stock_client_gets_an_identity_for_an_entry_of_an_attested_node() throws Exception {
    trusted();
    createEntry("/app");
    await().atMost(SOON).until(this::served);
    var options =
        DefaultX509Source.X509SourceOptions.builder()
            .spiffeSocketPath("unix:" + serai.setting("serai.agent.workload-socket"))
            .initTimeout(Duration.ofSeconds(60))
            .build();
    try (DefaultX509Source source = DefaultX509Source.newSource(options)) {
      assertThat(source.getX509Svid().getSpiffeId().toString())
          .isEqualTo("spiffe://test.example/app");
      assertThat(
              source
                  .getBundleForTrustDomain(source.getX509Svid().getSpiffeId().getTrustDomain())
                  .getX509Authorities())
          .isNotEmpty();
    }
  }

  @Test
  void a_new_entry_is_in_an_open_stream() throws Exception {
    trusted();
    createEntry("/first");
    await().atMost(SOON).until(this::served);
    BlockingQueue<Object> stream = fetch();
    next(stream);
    createEntry("/second");
    assertThat(next(stream))
        .asInstanceOf(InstanceOfAssertFactories.list(String.class))
        .containsExactlyInAnyOrder("spiffe://test.example/first", "spiffe://test.example/second");
  }

  @Test
  void a_changed_machine_loses_its_identities_and_a_mended_one_gets_them_back() throws Exception {
    trusted();
    createEntry("/app");
    await().atMost(SOON).until(this::served);
    BlockingQueue<Object> stream = fetch();
    next(stream);
    serai.bean("tpm", Tpm.class).extendPcr(7, TpmHash.SHA256, Bytes.copyOf(new byte[32]));
    Object end = next(stream);
    assertThat(end).isEqualTo(Status.Code.PERMISSION_DENIED);
    NodeView rejected = node();
    assertThat(rejected.getState()).isEqualTo("UNTRUSTED");
    assertThat(rejected.getReasons(0).getCode()).isEqualTo("PCR_VALUE_NOT_ALLOWED");
    assertThat(next(fetch())).isEqualTo(Status.Code.PERMISSION_DENIED);
    swtpm.kill();
    swtpm.restart(); // the PCRs begin anew
    trusted();
    await().atMost(SOON).until(this::served);
  }

  @Test
  void a_tpm_restarted_twice_leaves_the_node_attested() throws Exception {
    trusted();
    createEntry("/app");
    await().atMost(SOON).until(this::served);
    for (int i = 0; i < 2; i++) {
      swtpm.kill();
      swtpm.restart();
      long before = quotesAnswered();
      await()
          .atMost(SOON)
          .ignoreExceptions()
          .until(() -> quotesAnswered() >= before + 2 && node().getState().equals("TRUSTED"));
      await().atMost(SOON).until(() -> agent().attested() && served());
    }
  }

  @Test
  void a_banned_node_is_refused_by_issuer_and_registrar_until_the_ban_is_lifted() throws Exception {
    trusted();
    createEntry("/app");
    await().until(this::served);
    BlockingQueue<Object> stream = fetch();
    next(stream);
    NodesGrpc.NodesBlockingStub nodes = NodesGrpc.newBlockingStub(admin);
    ShowNodeRequest byId = ShowNodeRequest.newBuilder().setId(node().getNodeId()).build();
    assertThat(nodes.ban(byId).getState()).isEqualTo("BANNED");
    assertThat(next(stream)).isEqualTo(Status.Code.PERMISSION_DENIED);
    EnrolledNodes enrolled = serai.bean("enrolledNodes", EnrolledNodes.class);
    assertThat(enrolled.byId(byId.getId()).orElseThrow().standing().name()).isEqualTo("BANNED");
    nodes.unban(byId);
    assertThat(enrolled.byId(byId.getId()).orElseThrow().standing().name()).isEqualTo("ACTIVATED");
    await().until(this::served);
  }

  private double calls(String method, String code) {
    return serai.context().meters().find("serai.rpc.calls").tag("code", code).counters().stream()
        .filter(counter -> String.valueOf(counter.getId().getTag("method")).endsWith(method))
        .mapToDouble(counter -> counter.count())
        .sum();
  }

  @Test
  void conversations_of_the_agent_with_the_issuer_end_in_good_order() {
    trusted();
    await().atMost(SOON).until(() -> calls("/SyncAuthorizedEntries", "OK") >= 3);
    assertThat(calls("/AttestAgent", "OK")).isEqualTo(1);
    assertThat(calls("/SyncAuthorizedEntries", "CANCELLED")).isZero();
    assertThat(calls("/AttestAgent", "CANCELLED")).isZero();
  }
}
