package dev.serai.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.role.RoleHealth;
import dev.serai.rpc.RpcComponent;
import dev.serai.rpc.RpcServer;
import dev.serai.rpc.SocketAccess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An agent is ready when it can answer workloads, and otherwise says what is missing. */
class AgentReadinessTest {
  private static final Duration OLDEST = Duration.ofSeconds(60);

  @TempDir Path directory;
  private final AtomicReference<Instant> now =
      new AtomicReference<>(Instant.parse("2030-01-01T00:00:00Z"));
  private final AgentStatus status =
      new AgentStatus(
          new AgentLifecycle.Pace(
              new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(60)),
              new Backoff(Duration.ofSeconds(5), Duration.ofMinutes(5))),
          now::get,
          () -> 0.5);
  private boolean bundle = true;
  private Optional<Instant> lastSync = Optional.empty();
  private Optional<String> socket = Optional.empty();
  private final AgentReadiness readiness =
      new AgentReadiness(status, () -> bundle, () -> lastSync, OLDEST, () -> socket, now::get);

  private void ready() {
    status.on(new AgentEvent.TpmOpened(true));
    status.on(new AgentEvent.AppKeyReady(Optional.empty()));
    status.on(
        new AgentEvent.SvidIssued(
            new SvidFacts(
                "spiffe://example.org/spire/agent/x",
                now.get(),
                now.get().plus(Duration.ofHours(1)))));
    lastSync = Optional.of(now.get());
    assertThat(readiness.standing().notReady()).isEmpty();
  }

  private ReasonCode missing() {
    return readiness.standing().notReady().map(Reason::code).orElseThrow();
  }

  @Test
  void one_that_has_everything_is_ready_and_says_until_when() {
    ready();
    RoleHealth.Standing standing = readiness.standing();
    assertThat(standing.state()).isEqualTo("ATTESTED");
    assertThat(standing.facts()).containsKeys("spiffeId", "svidNotAfter", "lastSync", "since");
  }

  @Test
  void one_that_has_only_begun_is_not() {
    assertThat(missing()).isEqualTo(ReasonCode.AGENT_NOT_READY);
  }

  @Test
  void one_that_cannot_reach_its_tpm_says_so() {
    status.on(
        new AgentEvent.ActionFailed(
            AgentAction.OPEN_TPM, new Reason(ReasonCode.TPM_NO_DEVICE, "no device")));
    assertThat(missing()).isEqualTo(ReasonCode.TPM_NO_DEVICE);
  }

  @Test
  void one_whose_own_svid_has_ended_is_not() {
    ready();
    now.updateAndGet(instant -> instant.plus(Duration.ofHours(2)));
    lastSync = Optional.of(now.get());
    assertThat(readiness.standing().state()).isNotEqualTo("ATTESTED");
    assertThat(readiness.standing().notReady()).isPresent();
  }

  @Test
  void one_that_was_refused_is_not() {
    ready();
    status.on(new AgentEvent.NodeRefused(new Reason(ReasonCode.NODE_BANNED, "banned")));
    assertThat(missing()).isEqualTo(ReasonCode.NODE_BANNED);
  }

  @Test
  void one_without_a_bundle_is_not() {
    ready();
    bundle = false;
    assertThat(missing()).isEqualTo(ReasonCode.TRUST_BUNDLE_MISSING);
  }

  @Test
  void one_that_has_no_entries_yet_or_none_since_long_is_not() {
    ready();
    lastSync = Optional.empty();
    assertThat(missing()).isEqualTo(ReasonCode.AGENT_NOT_READY);
    lastSync = Optional.of(now.get());
    now.updateAndGet(instant -> instant.plus(OLDEST));
    assertThat(readiness.standing().notReady()).isEmpty();
    now.updateAndGet(instant -> instant.plusSeconds(1));
    assertThat(missing()).isEqualTo(ReasonCode.ENTRIES_STALE);
  }

  @Test
  void one_whose_socket_is_silent_is_not() {
    ready();
    socket = Optional.of("gone");
    assertThat(missing()).isEqualTo(ReasonCode.WORKLOAD_API_DOWN);
  }

  @Test
  void the_socket_is_looked_at_by_the_path_that_workloads_use() throws Exception {
    Path path = directory.resolve("run/api.sock");
    Duration pause = Duration.ofMillis(50);
    try (DefaultCamelContext camel = new DefaultCamelContext();
        WorkloadProbe probe = new WorkloadProbe(path, pause, pause)) {
      probe.start();
      await().until(() -> probe.trouble().orElse("").contains("no socket"));
      camel
          .getRegistry()
          .bind(
              RpcComponent.SERVER_BEAN + "workload",
              RpcServer.builder("workload")
                  .service(SpiffeWorkloadAPIGrpc.getServiceDescriptor())
                  .unix(path, SocketAccess.EVERYONE)
                  .build());
      RpcComponent.addTo(camel);
      camel.addRoutes(
          new RouteBuilder() {
            @Override
            public void configure() {
              from("rpc:workload/SpiffeWorkloadAPI/FetchX509SVID").routeId("fetch").stop();
            }
          });
      camel.start();
      await().until(() -> probe.trouble().isEmpty());

      camel.getRouteController().stopRoute("fetch");
      await().until(() -> probe.trouble().orElse("").contains("does not run"));
      camel.getRouteController().startRoute("fetch");
      await().until(() -> probe.trouble().isEmpty());

      Files.delete(path); // as a cleaner of temporary files would
      await().until(() -> probe.trouble().orElse("").contains("no socket"));
    }
  }
}
