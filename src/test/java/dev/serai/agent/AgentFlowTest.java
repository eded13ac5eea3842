package dev.serai.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.proto.spire.types.PermissionDeniedDetails;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The agent role on a software TPM, with the real registrar and an issuer made for the test. */
@Tag("slow")
class AgentFlowTest {
  @TempDir Path state;
  private final SwTpm tpm = SwTpm.provisioned();
  private FakeIssuer issuer;
  private SeraiHarness registrar;
  private SeraiHarness agent;
  private int registrarPort;

  @BeforeEach
  void prepare() throws Exception {
    issuer = new FakeIssuer(SeraiHarness.freePort());
    registrarPort = SeraiHarness.freePort();
  }

  @AfterEach
  void end() {
    if (agent != null) {
      agent.close();
    }
    if (registrar != null) {
      registrar.close();
    }
    issuer.close();
    tpm.close();
  }

  private void startIssuer() throws Exception {
    issuer.start();
  }

  private void startRegistrar() throws Exception {
    Path trust = Files.createDirectories(state.resolve("ek"));
    Files.writeString(trust.resolve("ca.pem"), Pem.certificates(java.util.List.of(SwTpm.ekRoot())));
    registrar =
        SeraiHarness.roles("registrar")
            .with("serai.registrar.port", Integer.toString(registrarPort))
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .start();
  }

  private void writeBundle() throws Exception {
    Files.writeString(state.resolve("bundle.pem"), issuer.bundlePem());
  }

  private SeraiHarness agentHarness() throws Exception {
    return SeraiHarness.roles("agent")
        .withStateDir(Files.createDirectories(state.resolve("state")))
        .with("serai.tpm.tcti", tpm.tcti())
        .with("serai.tpm.allow-software", "true")
        .with("serai.agent.issuer", "127.0.0.1:" + issuer.port())
        .with("serai.agent.registrar", "http://127.0.0.1:" + registrarPort)
        .with("serai.agent.trust-bundle", state.resolve("bundle.pem").toString())
        .with("serai.agent.retry-first", "100ms")
        .with("serai.agent.retry-most", "500ms")
        .with("serai.agent.denied-retry-first", "200ms")
        .with("serai.agent.denied-retry-most", "500ms");
  }

  private void startAgent() throws Exception {
    agent = agentHarness().start();
  }

  private AgentState agentState() {
    return agent.bean("agentStatus", AgentStatus.class).state();
  }

  private void becomes(String name) {
    await().atMost(Duration.ofSeconds(60)).until(() -> agentState().name().equals(name));
  }

  private void becomes(String name, ReasonCode code) {
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () ->
                agentState().name().equals(name)
                    && agentState().reason().map(Reason::code).equals(Optional.of(code)));
  }

  @Test
  void enrols_attests_and_after_a_restart_uses_what_it_kept() throws Exception {
    startIssuer();
    startRegistrar();
    writeBundle();
    startAgent();
    becomes("ATTESTED");
    assertThat(issuer.attestations).hasValue(1);
    String node = agent.bean("agentStatus", AgentStatus.class).nodeId().orElseThrow();
    assertThat(issuer.evidence.get().getKeylimeAgentUuid()).isEqualTo(node);
    agent.close();
    startAgent();
    becomes("ATTESTED");
    assertThat(issuer.attestations).hasValue(1);
    await().until(() -> issuer.syncs.get() > 0);
  }

  @Test
  void waits_for_registrar_bundle_and_issuer_and_names_each() throws Exception {
    startAgent();
    becomes("WAITING", ReasonCode.REGISTRAR_UNREACHABLE);
    startRegistrar();
    becomes("WAITING", ReasonCode.TRUST_BUNDLE_MISSING);
    writeBundle();
    becomes("WAITING", ReasonCode.ISSUER_UNREACHABLE);
    startIssuer();
    becomes("ATTESTED");
  }

  @Test
  void a_banned_node_is_denied_and_comes_back_when_the_ban_is_lifted() throws Exception {
    startIssuer();
    startRegistrar();
    writeBundle();
    startAgent();
    becomes("ATTESTED");
    var ban =
        FakeIssuer.denied(
            ReasonCode.NODE_BANNED, Optional.of(PermissionDeniedDetails.Reason.AGENT_BANNED));
    issuer.refuseAttest.set(Optional.of(ban));
    await().until(() -> !issuer.watchers.isEmpty());
    issuer.refuse(ban);
    becomes("DENIED", ReasonCode.NODE_BANNED);
    int before = issuer.attestations.get();
    await().until(() -> issuer.attestations.get() > before);
    assertThat(agentState().name()).isEqualTo("DENIED");
    issuer.refuseAttest.set(Optional.empty());
    becomes("ATTESTED");
  }

  @Test
  void an_evicted_node_attests_again_by_itself() throws Exception {
    startIssuer();
    startRegistrar();
    writeBundle();
    startAgent();
    becomes("ATTESTED");
    await().until(() -> !issuer.watchers.isEmpty());
    issuer.refuse(FakeIssuer.spireDenied(PermissionDeniedDetails.Reason.AGENT_NOT_ATTESTED));
    await().until(() -> issuer.attestations.get() == 2);
    becomes("ATTESTED");
  }

  @Test
  void the_watch_is_open_again_with_the_first_answer_of_an_issuer_that_was_away() throws Exception {
    startIssuer();
    startRegistrar();
    writeBundle();
    Clock clock = Clock.fixed(Instant.now(), ZoneOffset.UTC); // no pause ends by itself
    agent = agentHarness().with("serai.agent.sync-period", "200").withClock(clock).start();
    becomes("ATTESTED");
    await().until(() -> !issuer.watchers.isEmpty());
    issuer.watchesAway(true);
    int before = issuer.syncs.get();
    await().until(() -> issuer.syncs.get() > before + 2);
    assertThat(issuer.watchers).isEmpty();
    issuer.watchesAway(false);
    await().until(() -> !issuer.watchers.isEmpty());
  }

  @Test
  void a_tpm_that_goes_away_and_comes_back_is_a_state() throws Exception {
    startIssuer();
    startRegistrar();
    writeBundle();
    tpm.kill();
    startAgent();
    await().until(() -> agentState().name().equals("TPM_UNAVAILABLE"));
    tpm.restart();
    becomes("ATTESTED");
    await().until(() -> !issuer.watchers.isEmpty());
    tpm.kill();
    issuer.refuse(FakeIssuer.spireDenied(PermissionDeniedDetails.Reason.AGENT_NOT_ATTESTED));
    await().until(() -> agentState().name().equals("TPM_UNAVAILABLE"));
    tpm.restart();
    becomes("ATTESTED");
  }
}
