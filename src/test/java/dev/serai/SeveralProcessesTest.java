package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.serai.proto.serai.v1.ListNodesRequest;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.testing.SeraiChild;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Issuer and registrar, a verifier and an agent as processes of their own that come and go. */
@Tag("slow")
class SeveralProcessesTest {
  private static final Duration SOON = Duration.ofSeconds(60);

  @TempDir Path dir;

  private SeraiChild child(String name) throws Exception {
    return new SeraiChild(Files.createDirectory(dir.resolve(name)))
        .with("serai.run-dir", Files.createDirectories(dir.resolve(name + "-run")).toString());
  }

  @Test
  void a10_a_verifier_and_an_issuer_that_are_away_are_waited_for() throws Exception {
    int issuerPort = SeraiHarness.freePort();
    int verifierPort = SeraiHarness.freePort();
    int registrarPort = SeraiHarness.freePort();
    int registrarTlsPort = SeraiHarness.freePort();
    Path bundle = dir.resolve("servers/state/bundle.pem");
    Path token = dir.resolve("verifier.token");
    try (SwTpm tpm = SwTpm.fresh();
        SeraiChild servers = child("servers").withTpm(tpm);
        SeraiChild verifier = child("verifier");
        SeraiChild agent = child("agent")) {
      servers
          .with("serai.roles", "issuer,registrar")
          .with("serai.issuer.port", Integer.toString(issuerPort))
          .with("serai.issuer.verifier", "127.0.0.1:" + verifierPort)
          .with("serai.issuer.limit.attest-burst", "100")
          .with("serai.registrar.port", Integer.toString(registrarPort))
          .with("serai.registrar.tls-port", Integer.toString(registrarTlsPort));
      verifier
          .with("serai.roles", "verifier")
          .with("serai.verifier.port", Integer.toString(verifierPort))
          .with("serai.verifier.registrar", "https://127.0.0.1:" + registrarTlsPort)
          .with("serai.verifier.issuer", "127.0.0.1:" + issuerPort)
          .with("serai.verifier.policy", "builtin:demo")
          .with("serai.agent.issuer", "127.0.0.1:" + issuerPort)
          .with("serai.agent.trust-bundle", bundle.toString())
          .with("serai.role.join-token-file", token.toString());
      agent
          .with("serai.roles", "agent")
          .with("serai.tpm.tcti", tpm.tcti())
          .with("serai.tpm.allow-software", "true")
          .with("serai.agent.issuer", "127.0.0.1:" + issuerPort)
          .with("serai.agent.registrar", "http://127.0.0.1:" + registrarPort)
          .with("serai.agent.trust-bundle", bundle.toString())
          .with("serai.agent.retry-first", "200ms")
          .with("serai.agent.retry-most", "1s");

      // The agent begins while nobody is there.
      agent.start();
      await().atMost(SOON).until(() -> agent.get("/health/live") == 200);
      assertThat(agent.get("/health/ready")).isEqualTo(503);

      servers.start();
      ManagedChannel admin = SeraiChild.channel(dir.resolve("servers-run/issuer/admin.sock"));
      ManagedChannel workload = SeraiChild.channel(dir.resolve("agent-run/workload/api.sock"));
      try {
        await()
            .atMost(SOON)
            .ignoreExceptions()
            .untilAsserted(
                () ->
                    Files.writeString(
                        token,
                        AgentGrpc.newBlockingStub(admin)
                            .createJoinToken(
                                CreateJoinTokenRequest.newBuilder()
                                    .setTtl(600)
                                    .setAgentId(id("/serai/verifier"))
                                    .build())
                            .getValue()));
        // Without the verifier a new attestation waits.
        await()
            .atMost(SOON)
            .ignoreExceptions()
            .until(() -> agent.text("/health").contains("PEER_UNAVAILABLE"));
        // A workload that asks meanwhile is answered: not yet, and why.
        await()
            .atMost(SOON)
            .untilAsserted(
                () ->
                    assertThatThrownBy(() -> fetched(workload))
                        .isInstanceOfSatisfying(
                            StatusRuntimeException.class,
                            e -> {
                              assertThat(e.getStatus().getCode())
                                  .isEqualTo(Status.Code.UNAVAILABLE);
                              assertThat(e.getStatus().getDescription())
                                  .contains("PEER_UNAVAILABLE");
                            }));
        verifier.start();
        await().atMost(SOON).until(() -> agent.get("/health/ready") == 200);
        String node = node(admin);
        EntryGrpc.newBlockingStub(admin)
            .batchCreateEntry(
                BatchCreateEntryRequest.newBuilder()
                    .addEntries(
                        Entry.newBuilder()
                            .setSpiffeId(id("/app"))
                            .setParentId(id(node))
                            .addSelectors(
                                Selector.newBuilder()
                                    .setType("unix")
                                    .setValue("uid:" + Files.getAttribute(dir, "unix:uid"))))
                    .build());
        await()
            .atMost(SOON)
            .ignoreExceptions()
            .untilAsserted(
                () -> assertThat(fetched(workload)).isEqualTo("spiffe://child.test/app"));

        // A verifier that was killed comes back with the identity it had.
        verifier.kill();
        verifier.start();
        await().atMost(SOON).until(() -> verifier.get("/health/ready") == 200);
        assertThat(agent.get("/health/ready")).isEqualTo(200);
      } finally {
        admin.shutdownNow();
        workload.shutdownNow();
      }
    }
  }

  private static String node(ManagedChannel admin) {
    return NodesGrpc.newBlockingStub(admin)
        .list(ListNodesRequest.getDefaultInstance())
        .getNodesList()
        .stream()
        .map(node -> node.getSpiffeId().replace("spiffe://child.test", ""))
        .filter(path -> path.startsWith("/spire/agent/unified_identity/"))
        .findFirst()
        .orElseThrow();
  }

  private static String fetched(ManagedChannel workload) {
    Metadata header = new Metadata();
    header.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    return SpiffeWorkloadAPIGrpc.newBlockingStub(workload)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header))
        .withDeadlineAfter(60, TimeUnit.SECONDS)
        .fetchX509SVID(X509SVIDRequest.getDefaultInstance())
        .next()
        .getSvids(0)
        .getSpiffeId();
  }

  private static SPIFFEID id(String path) {
    return SPIFFEID.newBuilder().setTrustDomain("child.test").setPath(path).build();
  }
}
