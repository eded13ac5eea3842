package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.agent.AgentStatus;
import dev.serai.net.RoleIdentities;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.serai.v1.ShowNodeRequest;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.spec.TpmHash;
import io.grpc.ManagedChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same routes with each role in a process of its own: hops by mTLS instead of direct. */
@Tag("slow")
class SplitRolesTest {
  private static final Duration SOON = Duration.ofSeconds(60);

  @TempDir Path dir;
  private final SwTpm swtpm = SwTpm.fresh();
  private SeraiHarness issuer;
  private SeraiHarness registrar;
  private SeraiHarness verifier;
  private SeraiHarness agent;
  private ManagedChannel admin;

  @BeforeEach
  void start() throws Exception {
    int issuerPort = SeraiHarness.freePort();
    int verifierPort = SeraiHarness.freePort();
    int registrarTlsPort = SeraiHarness.freePort();
    issuer =
        SeraiHarness.roles("issuer")
            .with("serai.issuer.port", Integer.toString(issuerPort))
            .with("serai.issuer.verifier", "127.0.0.1:" + verifierPort)
            .with("serai.issuer.limit.attest", "100")
            .with("serai.issuer.limit.attest-burst", "100")
            .start();
    admin = SpiffeChannels.unix(Path.of(issuer.setting("serai.issuer.admin-socket")));
    Path trust = Files.createDirectories(dir.resolve("ek"));
    Files.writeString(
        trust.resolve("ca.pem"),
        "-----BEGIN CERTIFICATE-----\n"
            + Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
                .encodeToString(SwTpm.ekRoot().getEncoded())
            + "\n-----END CERTIFICATE-----\n");
    registrar =
        remote("registrar", issuerPort)
            .with("serai.registrar.tls-port", Integer.toString(registrarTlsPort))
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .start();
    verifier =
        remote("verifier", issuerPort)
            .with("serai.verifier.port", Integer.toString(verifierPort))
            .with("serai.verifier.registrar", "https://127.0.0.1:" + registrarTlsPort)
            .with("serai.verifier.issuer", "127.0.0.1:" + issuerPort)
            .with("serai.verifier.policy", "builtin:demo")
            .with("serai.verifier.interval", "1s")
            .with("serai.verifier.tick", "200ms")
            .start();
    agent =
        SeraiHarness.roles("agent")
            .with("serai.tpm.tcti", swtpm.tcti())
            .with("serai.tpm.allow-software", "true")
            .with("serai.agent.issuer", "127.0.0.1:" + issuerPort)
            .with("serai.agent.trust-bundle", issuer.setting("serai.agent.trust-bundle"))
            .with("serai.agent.registrar", "https://127.0.0.1:" + registrarTlsPort)
            .with("serai.agent.retry-first", "200ms")
            .with("serai.agent.retry-most", "1s")
            .with("serai.agent.denied-retry-first", "500ms")
            .with("serai.agent.denied-retry-most", "1s")
            .start();
  }

  private SeraiHarness remote(String role, int issuerPort) throws Exception {
    Path token = dir.resolve(role + ".token");
    Files.writeString(token, token("/serai/" + role));
    return SeraiHarness.roles(role)
        .with("serai.role.join-token-file", token.toString())
        .with("serai.agent.issuer", "127.0.0.1:" + issuerPort)
        .with("serai.agent.trust-bundle", issuer.setting("serai.agent.trust-bundle"));
  }

  private String token(String path) {
    return AgentGrpc.newBlockingStub(admin)
        .createJoinToken(
            CreateJoinTokenRequest.newBuilder().setTtl(600).setAgentId(id(path)).build())
        .getValue();
  }

  private static SPIFFEID id(String path) {
    return SPIFFEID.newBuilder().setTrustDomain("test.example").setPath(path).build();
  }

  @AfterEach
  void end() {
    for (SeraiHarness process : new SeraiHarness[] {agent, verifier, registrar}) {
      if (process != null) {
        process.close();
      }
    }
    admin.shutdownNow();
    issuer.close();
    swtpm.close();
  }

  private AgentStatus status() {
    return agent.bean("agentStatus", AgentStatus.class);
  }

  private String nodeState() {
    return NodesGrpc.newBlockingStub(admin)
        .show(ShowNodeRequest.newBuilder().setId(status().nodeId().orElseThrow()).build())
        .getState();
  }

  @Test
  void roles_in_four_processes_attest_a_node_and_withdraw_it_when_it_changes() {
    await()
        .atMost(SOON)
        .until(
            () ->
                verifier
                    .bean("roleIdentities", RoleIdentities.class)
                    .forRole("verifier")
                    .current()
                    .isPresent());
    await().atMost(SOON).until(() -> status().attested());
    await().atMost(SOON).ignoreExceptions().until(() -> nodeState().equals("TRUSTED"));
    var created =
        EntryGrpc.newBlockingStub(admin)
            .batchCreateEntry(
                BatchCreateEntryRequest.newBuilder()
                    .addEntries(
                        Entry.newBuilder()
                            .setSpiffeId(id("/app"))
                            .setParentId(
                                id(
                                    "/spire/agent/unified_identity/"
                                        + status().nodeId().orElseThrow()))
                            .addSelectors(
                                Selector.newBuilder().setType("unix").setValue("uid:4711")))
                    .build());
    assertThat(created.getResults(0).getStatus().getCode()).isZero();
    agent.bean("tpm", Tpm.class).extendPcr(7, TpmHash.SHA256, Bytes.copyOf(new byte[32]));
    await().atMost(SOON).until(() -> status().state().name().equals("DENIED"));
    await().atMost(SOON).ignoreExceptions().until(() -> nodeState().equals("UNTRUSTED"));
    swtpm.kill();
    swtpm.restart();
    await().atMost(SOON).until(() -> status().attested());
    await().atMost(SOON).ignoreExceptions().until(() -> nodeState().equals("TRUSTED"));
  }
}
