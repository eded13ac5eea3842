package dev.serai.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.net.RoleIdentities;
import dev.serai.net.SpiffeChannels;
import dev.serai.net.X509Material;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.agent.v1.DeleteAgentRequest;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.testing.SeraiHarness;
import io.grpc.ManagedChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process without issuer gets the identity of its role from the real one. */
class RemoteRoleIdentitiesTest {
  @TempDir Path dir;
  private SeraiHarness issuer;
  private SeraiHarness registrar;

  @BeforeEach
  void start() {
    issuer = SeraiHarness.roles("issuer").start();
  }

  @AfterEach
  void end() {
    if (registrar != null) {
      registrar.close();
    }
    issuer.close();
  }

  private String token() {
    ManagedChannel admin =
        SpiffeChannels.unix(Path.of(issuer.setting("serai.issuer.admin-socket")));
    try {
      return AgentGrpc.newBlockingStub(admin)
          .createJoinToken(
              CreateJoinTokenRequest.newBuilder()
                  .setTtl(600)
                  .setAgentId(
                      SPIFFEID
                          .newBuilder()
                          .setTrustDomain("test.example")
                          .setPath("/serai/registrar"))
                  .build())
          .getValue();
    } finally {
      admin.shutdownNow();
    }
  }

  private void startRegistrar() throws Exception {
    startRegistrar(Duration.ZERO);
  }

  /**
   * @param ahead so far is its clock
   */
  private void startRegistrar(Duration ahead) throws Exception {
    registrar =
        SeraiHarness.roles("registrar")
            .withClock(() -> Instant.now().plus(ahead))
            .withStateDir(Files.createDirectories(dir.resolve("state")))
            .with("serai.role.join-token-file", dir.resolve("token").toString())
            .with("serai.agent.issuer", "127.0.0.1:" + issuer.port("serai.issuer.port"))
            .with("serai.agent.trust-bundle", issuer.setting("serai.agent.trust-bundle"))
            .start();
  }

  private Optional<X509Material> identity() {
    return registrar.bean("roleIdentities", RoleIdentities.class).forRole("registrar").current();
  }

  @Test
  void attests_with_the_token_and_after_a_restart_without_one() throws Exception {
    Files.writeString(dir.resolve("token"), token() + "\n");
    startRegistrar();
    await().atMost(Duration.ofSeconds(60)).until(() -> identity().isPresent());
    X509Material first = identity().orElseThrow();
    assertThat(first.id().toString()).isEqualTo("spiffe://test.example/serai/registrar");
    registrar.close();
    Files.delete(dir.resolve("token"));
    startRegistrar();
    await().atMost(Duration.ofSeconds(60)).until(() -> identity().isPresent());
    assertThat(identity().orElseThrow().leaf()).isEqualTo(first.leaf());
    RemoteRoleIdentities identities = registrar.bean("roleIdentities", RemoteRoleIdentities.class);
    await().atMost(Duration.ofSeconds(60)).until(() -> identities.trouble().isEmpty());
  }

  @Test
  @Tag("slow")
  void it_comes_back_without_a_token_when_by_its_clock_its_identity_has_ended() throws Exception {
    Files.writeString(dir.resolve("token"), token() + "\n");
    startRegistrar();
    await().atMost(Duration.ofSeconds(60)).until(() -> identity().isPresent());
    X509Material first = identity().orElseThrow();
    String kept = Files.readString(dir.resolve("state/roles/node.pem"));
    registrar.close();
    Files.delete(dir.resolve("token"));
    startRegistrar(Duration.ofHours(2)); // an agent's SVID lives for one
    RemoteRoleIdentities identities = registrar.bean("roleIdentities", RemoteRoleIdentities.class);
    await().atMost(Duration.ofSeconds(60)).until(() -> identities.trouble().isEmpty());
    assertThat(Files.readString(dir.resolve("state/roles/node.pem"))).isNotEqualTo(kept);
    assertThat(identity().orElseThrow().leaf()).isNotEqualTo(first.leaf());
    assertThat(identity().orElseThrow().id()).isEqualTo(first.id());
    assertThat(identities.missing("registrar").map(Reason::code))
        .as("by this clock that one is over too")
        .contains(ReasonCode.AGENT_NOT_READY);
  }

  @Test
  @Tag("slow")
  void what_it_holds_is_kept_when_the_issuer_does_not_know_it_and_a_new_token_mends_it()
      throws Exception {
    String used = token();
    Files.writeString(dir.resolve("token"), used);
    startRegistrar();
    await().atMost(Duration.ofSeconds(60)).until(() -> identity().isPresent());
    forget(used);
    RemoteRoleIdentities identities = registrar.bean("roleIdentities", RemoteRoleIdentities.class);
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () ->
                identities
                    .trouble()
                    .map(Reason::code)
                    .equals(Optional.of(ReasonCode.ROLE_KEY_UNKNOWN)));
    assertThat(dir.resolve("state/roles/node.pem")).exists();
    Files.writeString(dir.resolve("token"), token());
    await().atMost(Duration.ofSeconds(60)).until(() -> identities.trouble().isEmpty());
  }

  private void forget(String token) {
    ManagedChannel admin =
        SpiffeChannels.unix(Path.of(issuer.setting("serai.issuer.admin-socket")));
    try {
      AgentGrpc.newBlockingStub(admin)
          .deleteAgent(
              DeleteAgentRequest.newBuilder()
                  .setId(
                      SPIFFEID
                          .newBuilder()
                          .setTrustDomain("test.example")
                          .setPath("/spire/agent/join_token/" + token))
                  .build());
    } finally {
      admin.shutdownNow();
    }
  }

  @Test
  void without_a_good_token_it_says_so_and_goes_on_trying() throws Exception {
    startRegistrar();
    RemoteRoleIdentities identities = registrar.bean("roleIdentities", RemoteRoleIdentities.class);
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () ->
                identities
                    .trouble()
                    .map(Reason::code)
                    .equals(Optional.of(ReasonCode.JOIN_TOKEN_UNKNOWN)));
    Files.writeString(dir.resolve("token"), token());
    await().atMost(Duration.ofSeconds(60)).until(() -> identity().isPresent());
  }
}
