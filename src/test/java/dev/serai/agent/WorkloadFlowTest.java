package dev.serai.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.rpc.ErrorInfo;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.PermissionDeniedDetails;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.proto.workload.JWTBundlesRequest;
import dev.serai.proto.workload.JWTBundlesResponse;
import dev.serai.proto.workload.JWTSVIDRequest;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc.SpiffeWorkloadAPIBlockingStub;
import dev.serai.proto.workload.ValidateJWTSVIDRequest;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.proto.workload.X509SVIDResponse;
import dev.serai.reason.ReasonCode;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import dev.serai.testing.TestJwtAuthority;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a workload on the socket sees of the agent's life. */
@Tag("slow")
class WorkloadFlowTest {
  @TempDir Path dir;
  private final SwTpm tpm = SwTpm.provisioned();
  private FakeIssuer issuer;
  private SeraiHarness registrar;
  private SeraiHarness agent;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws Exception {
    issuer = new FakeIssuer(SeraiHarness.freePort()).start();
    Path trust = Files.createDirectories(dir.resolve("ek"));
    Files.writeString(trust.resolve("ca.pem"), Pem.certificates(List.of(SwTpm.ekRoot())));
    Files.writeString(dir.resolve("bundle.pem"), issuer.bundlePem());
    registrar =
        SeraiHarness.roles("registrar")
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .start();
    agent =
        SeraiHarness.roles("agent")
            .with("serai.tpm.tcti", tpm.tcti())
            .with("serai.tpm.allow-software", "true")
            .with("serai.agent.issuer", "127.0.0.1:" + issuer.port())
            .with(
                "serai.agent.registrar",
                "http://127.0.0.1:" + registrar.port("serai.registrar.port"))
            .with("serai.agent.trust-bundle", dir.resolve("bundle.pem").toString())
            .with("serai.agent.retry-first", "100ms")
            .with("serai.agent.denied-retry-first", "100ms")
            .with("serai.agent.denied-retry-most", "200ms")
            .start();
    channel = SpiffeChannels.unix(Path.of(agent.setting("serai.agent.workload-socket")));
  }

  @AfterEach
  void end() {
    channel.shutdownNow();
    agent.close();
    registrar.close();
    issuer.close();
    tpm.close();
  }

  /** A stream: SVIDs by their SPIFFE ids, then the code it ended with. */
  private BlockingQueue<Object> fetch() {
    BlockingQueue<Object> seen = new LinkedBlockingQueue<>();
    Metadata header = new Metadata();
    header.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    SpiffeWorkloadAPIGrpc.newStub(channel)
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
    Object seen = stream.poll(60, TimeUnit.SECONDS);
    assertThat(seen).as("nothing within a minute").isNotNull();
    return seen;
  }

  private static Entry entry(String id, String path, long revision) {
    String uid = Long.toString(new com.sun.security.auth.module.UnixSystem().getUid());
    return Entry.newBuilder()
        .setId(id)
        .setSpiffeId(SPIFFEID.newBuilder().setTrustDomain(FakeIssuer.DOMAIN).setPath(path))
        .addSelectors(Selector.newBuilder().setType("unix").setValue("uid:" + uid))
        .setRevisionNumber(revision)
        .setCreatedAt(1)
        .build();
  }

  private void attested() {
    AgentStatus status = agent.bean("agentStatus", AgentStatus.class);
    await().atMost(Duration.ofSeconds(60)).until(status::attested);
    await().atMost(Duration.ofSeconds(60)).until(() -> !issuer.watchers.isEmpty());
  }

  @Test
  void entries_come_and_go_in_an_open_stream() throws Exception {
    attested();
    issuer.entry(entry("a", "/a", 1));
    await().until(() -> next(fetch()) instanceof List);
    BlockingQueue<Object> stream = fetch();
    assertThat(next(stream)).isEqualTo(List.of("spiffe://test.example/a"));
    issuer.entry(entry("b", "/b", 1));
    assertThat(next(stream))
        .isEqualTo(List.of("spiffe://test.example/a", "spiffe://test.example/b"));
    issuer.entry(entry("b", "/c", 2));
    assertThat(next(stream))
        .isEqualTo(List.of("spiffe://test.example/a", "spiffe://test.example/c"));
    issuer.entries.remove("b");
    issuer.tell();
    assertThat(next(stream)).isEqualTo(List.of("spiffe://test.example/a"));
  }

  @Test
  void a_renewed_agent_stays_attested_and_its_workloads_see_nothing_of_it() throws Exception {
    issuer.agentTtl = Duration.ofSeconds(6);
    attested();
    issuer.refuse(FakeIssuer.spireDenied(PermissionDeniedDetails.Reason.AGENT_NOT_ATTESTED));
    attested();
    issuer.entry(entry("a", "/a", 1));
    await().until(() -> next(fetch()) instanceof List);
    BlockingQueue<Object> stream = fetch();
    next(stream);
    int before = issuer.attestations.get();
    await().atMost(Duration.ofSeconds(60)).until(() -> issuer.attestations.get() >= before + 3);
    assertThat(agent.bean("agentStatus", AgentStatus.class).attested()).isTrue();
    assertThat(stream).isEmpty();
    assertThat(issuer.attestations.get()).as("with a pause between").isLessThan(before + 10);
  }

  @Test
  void a_refused_node_ends_open_streams_at_once_and_comes_back() throws Exception {
    attested();
    issuer.entry(entry("a", "/a", 1));
    await().until(() -> next(fetch()) instanceof List);
    BlockingQueue<Object> stream = fetch();
    next(stream);
    var refusal = FakeIssuer.denied(ReasonCode.NODE_UNTRUSTED, Optional.empty());
    issuer.refuseAttest.set(
        Optional.of(FakeIssuer.denied(ReasonCode.PCR_VALUE_NOT_ALLOWED, Optional.empty())));
    issuer.refuse(refusal);
    assertThat(next(stream)).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(next(fetch())).isEqualTo(Status.Code.PERMISSION_DENIED);
    issuer.refuseAttest.set(Optional.empty());
    attested();
    await().atMost(Duration.ofSeconds(60)).until(() -> next(fetch()) instanceof List);
  }

  @Test
  void an_evicted_node_keeps_its_workloads_waiting_and_not_refused() throws Exception {
    attested();
    issuer.entry(entry("a", "/a", 1));
    await().until(() -> next(fetch()) instanceof List);
    BlockingQueue<Object> stream = fetch();
    next(stream);
    issuer.refuse(FakeIssuer.spireDenied(PermissionDeniedDetails.Reason.AGENT_NOT_ATTESTED));
    attested();
    assertThat(next(stream))
        .as("new SVIDs in the same stream")
        .isEqualTo(List.of("spiffe://test.example/a"));
  }

  @Test
  void while_the_issuer_is_away_workloads_keep_what_they_have() throws Exception {
    attested();
    issuer.entry(entry("a", "/a", 1));
    await().until(() -> next(fetch()) instanceof List);
    issuer.stop();
    await()
        .during(Duration.ofSeconds(2))
        .atMost(Duration.ofSeconds(60))
        .until(() -> next(fetch()) instanceof List);
    issuer.start();
    issuer.entry(entry("b", "/b", 1));
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> next(fetch()) instanceof List<?> ids && ids.size() == 2);
  }

  /** The token, or the reason of the refusal. */
  private String token(String audience) throws Exception {
    try {
      return stub()
          .fetchJWTSVID(JWTSVIDRequest.newBuilder().addAudience(audience).build())
          .getSvids(0)
          .getSvid();
    } catch (StatusRuntimeException e) {
      return reasonOf(e);
    }
  }

  private static String reasonOf(StatusRuntimeException e) throws Exception {
    return e.getStatus().getCode()
        + " "
        + StatusProto.fromThrowable(e).getDetails(0).unpack(ErrorInfo.class).getReason();
  }

  private SpiffeWorkloadAPIBlockingStub stub() {
    Metadata header = new Metadata();
    header.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    return SpiffeWorkloadAPIGrpc.newBlockingStub(channel)
        .withDeadlineAfter(60, TimeUnit.SECONDS)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header));
  }

  private String validate(String audience, String token) throws Exception {
    try {
      return stub()
          .validateJWTSVID(
              ValidateJWTSVIDRequest.newBuilder().setAudience(audience).setSvid(token).build())
          .getSpiffeId();
    } catch (StatusRuntimeException e) {
      return reasonOf(e);
    }
  }

  @Test
  void tokens_come_from_the_issuer_and_are_kept_until_the_node_is_refused() throws Exception {
    attested();
    issuer.entry(entry("a", "/a", 1));
    await().until(() -> next(fetch()) instanceof List);
    String token = token("db");
    assertThat(validate("db", token)).isEqualTo("spiffe://test.example/a");
    assertThat(validate("cache", token)).isEqualTo("INVALID_ARGUMENT JWT_SVID_AUDIENCE_WRONG");
    assertThat(token("db")).as("the same one").isEqualTo(token);
    assertThat(issuer.jwtSvids).hasValue(1);

    // A refusal of the entry is none of the node.
    issuer.refuseJwt.set(
        Optional.of(FakeIssuer.denied(ReasonCode.LOCATION_MISSING, Optional.empty())));
    assertThat(token("two")).isEqualTo("PERMISSION_DENIED LOCATION_MISSING");
    assertThat(agent.bean("agentStatus", AgentStatus.class).attested()).isTrue();
    issuer.refuseJwt.set(Optional.empty());
    issuer.jwtForAnother = true;
    assertThat(token("three")).isEqualTo("UNAVAILABLE JWT_SVID_NOT_ISSUED");
    issuer.jwtForAnother = false;

    // New keys of the issuer reach an open stream, and verify.
    Iterator<JWTBundlesResponse> bundles =
        stub().fetchJWTBundles(JWTBundlesRequest.getDefaultInstance());
    assertThat(jwks(bundles.next())).contains("key-1").doesNotContain("key-2");
    issuer.jwtAuthority.set(new TestJwtAuthority(FakeIssuer.DOMAIN, "key-2"));
    issuer.tell();
    assertThat(jwks(bundles.next())).contains("key-2");
    assertThat(validate("new", token("new"))).isEqualTo("spiffe://test.example/a");
    assertThat(validate("db", token)).isEqualTo("INVALID_ARGUMENT JWT_SVID_KEY_UNKNOWN");

    // What is kept serves while the issuer is away; what is not has to wait.
    String kept = token("db");
    issuer.stop();
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> token("later"), "UNAVAILABLE ISSUER_UNREACHABLE"::equals);
    assertThat(token("db")).isEqualTo(kept);
    issuer.start();
    await().atMost(Duration.ofSeconds(60)).until(() -> token("later").startsWith("ey"));

    // Trust rule 7: a refusal of the node is heard from the answer to a token, too.
    BlockingQueue<Object> stream = fetch();
    next(stream);
    issuer.refuseAttest.set(
        Optional.of(FakeIssuer.denied(ReasonCode.PCR_VALUE_NOT_ALLOWED, Optional.empty())));
    issuer.refuseJwt.set(
        Optional.of(FakeIssuer.denied(ReasonCode.NODE_UNTRUSTED, Optional.empty())));
    assertThat(token("next")).isEqualTo("PERMISSION_DENIED NODE_UNTRUSTED");
    assertThat(next(stream)).isEqualTo(Status.Code.PERMISSION_DENIED);
    int asked = issuer.jwtSvids.get();
    assertThat(token("db")).as("one that was kept").startsWith("PERMISSION_DENIED");
    assertThat(validate("db", kept)).startsWith("PERMISSION_DENIED");
    assertThat(issuer.jwtSvids).hasValue(asked);
    assertThat(agent.context().meters().get("serai.workload.jwt.held").gauge().value()).isZero();
  }

  private static String jwks(JWTBundlesResponse bundles) {
    return bundles.getBundlesOrThrow("spiffe://test.example").toStringUtf8();
  }

  @Test
  void more_entries_than_a_page_come_by_revision() throws Exception {
    attested();
    issuer.pageSize = 3;
    for (int i = 0; i < 10; i++) {
      issuer.entries.put("e" + i, entry("e" + i, "/e" + i, 1));
    }
    issuer.tell();
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> next(fetch()) instanceof List<?> ids && ids.size() == 10);
    issuer.entries.put("e3", entry("e3", "/changed", 2));
    issuer.tell();
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () ->
                next(fetch()) instanceof List<?> ids
                    && ids.size() == 10
                    && ids.contains("spiffe://test.example/changed"));
  }
}
