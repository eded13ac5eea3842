package dev.serai.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import dev.serai.testing.Tabrmd;
import dev.serai.testing.TtyTpm;
import dev.serai.tpm.tss.TpmMachine;
import dev.serai.tpm.tss.TpmMachines;
import dev.serai.tpm.tss.TpmOptions;
import dev.serai.tpm.tss.TssTpm;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/**
 * What an operator sees when the TPM of a running agent is in trouble, and that the agent is
 * attested again when that is mended, without a restart. Other processes and tpm2-abrmd are real.
 */
@Tag("slow")
class TpmTroubleTest {
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  @TempDir Path state;
  private final SwTpm software = SwTpm.provisioned();
  private final Lines lines = new Lines();
  private TtyTpm raw;
  private TtyTpm managed;
  private FakeIssuer issuer;
  private SeraiHarness registrar;
  private SeraiHarness agent;
  private Process holder;

  /** What the agent says of its state. */
  private static final class Lines extends AppenderBase<ILoggingEvent> {
    private final List<String> seen = new CopyOnWriteArrayList<>();

    @Override
    protected void append(ILoggingEvent event) {
      seen.add(event.getFormattedMessage());
    }
  }

  @BeforeEach
  void a_machine_with_an_attested_neighbourhood() throws Exception {
    raw = new TtyTpm(software, state.resolve("dev/tpm0"));
    managed = new TtyTpm(software, state.resolve("dev/tpmrm0"));
    issuer = new FakeIssuer(SeraiHarness.freePort());
    issuer.start();
    Path trust = Files.createDirectories(state.resolve("ek"));
    Files.writeString(trust.resolve("ca.pem"), Pem.certificates(List.of(SwTpm.ekRoot())));
    registrar =
        SeraiHarness.roles("registrar").with("serai.registrar.ek-trust-dir", trust.toString());
    registrar.start();
    Files.writeString(state.resolve("bundle.pem"), issuer.bundlePem());
    lines.start();
    statusLog().addAppender(lines);
  }

  @AfterEach
  void end() throws Exception {
    statusLog().detachAppender(lines);
    if (holder != null) {
      holder.destroyForcibly();
    }
    if (agent != null) {
      agent.close();
    }
    registrar.close();
    issuer.close();
    raw.close();
    managed.close();
    software.close();
  }

  private static Logger statusLog() {
    return (Logger) LoggerFactory.getLogger(AgentStatus.class);
  }

  /** tcti: empty for the automatic choice on this machine. */
  private void startAgent(String tcti, TpmMachine machine) throws Exception {
    TpmOptions options =
        TpmOptions.defaults()
            .withTcti(tcti)
            .withAllowSoftware(true)
            .withDeadlines(Duration.ofSeconds(3), Duration.ofSeconds(20))
            .withMachine(machine);
    agent =
        SeraiHarness.roles()
            .withRole(new AgentRole(context -> TssTpm.lazy(options)))
            .withStateDir(Files.createDirectories(state.resolve("state")))
            .with("serai.agent.issuer", "127.0.0.1:" + issuer.port())
            .with(
                "serai.agent.registrar",
                "http://127.0.0.1:" + registrar.port("serai.registrar.port"))
            .with("serai.agent.trust-bundle", state.resolve("bundle.pem").toString())
            .with("serai.agent.retry-first", "100ms")
            .with("serai.agent.retry-most", "500ms")
            .with("serai.tpm.check-interval", "300ms")
            .start();
  }

  private AgentState agentState() {
    return agent.bean("agentStatus", AgentStatus.class).state();
  }

  private void becomesAttested() {
    await().atMost(PATIENCE).until(() -> agentState().name().equals("ATTESTED"));
  }

  private Reason becomesUnavailable(ReasonCode code) {
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                agentState().name().equals("TPM_UNAVAILABLE")
                    && agentState().reason().map(Reason::code).equals(Optional.of(code)));
    return agentState().reason().orElseThrow();
  }

  /** The agent's reason as /health tells it. */
  private JsonNode health() throws Exception {
    URI uri =
        URI.create("http://127.0.0.1:%d/health".formatted(agent.port("serai.management.port")));
    HttpResponse<String> answer =
        HttpClient.newHttpClient()
            .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
    assertThat(answer.statusCode()).isEqualTo(503);
    return new ObjectMapper().readTree(answer.body()).path("roles").get(0);
  }

  private double refusedToOpen(ReasonCode code) {
    return agent
        .context()
        .meters()
        .counter("serai.refusals", "route", "open-tpm", "reason", code.name())
        .count();
  }

  private List<String> linesOf(ReasonCode code) {
    return lines.seen.stream().filter(line -> line.contains(code.name())).toList();
  }

  @Test
  void a_device_that_another_process_holds_is_waited_for_and_its_holder_is_named()
      throws Exception {
    holder =
        new ProcessBuilder("bash", "-c", "exec 3<>$0; exec sleep 1000", raw.node().toString())
            .start();
    TpmMachine machine = TpmMachines.exclusive(state.resolve("dev"));
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                TpmMachines.holders(machine, raw.node())
                    .contains("sleep (pid " + holder.pid() + ")"));
    startAgent("device:" + raw.node(), machine);
    Reason reason = becomesUnavailable(ReasonCode.TPM_BUSY);
    assertThat(reason.detail())
        .isEqualTo("%s is held by sleep (pid %d)".formatted(raw.node(), holder.pid()));
    assertThat(reason.remedy()).startsWith("kill " + holder.pid());
    JsonNode health = health();
    assertThat(health.path("state").asText()).isEqualTo("TPM_UNAVAILABLE");
    assertThat(health.path("reason").path("code").asText()).isEqualTo("TPM_BUSY");
    assertThat(health.path("reason").path("remedy").asText()).startsWith("kill " + holder.pid());
    assertThat(linesOf(ReasonCode.TPM_BUSY))
        .singleElement()
        .asString()
        .contains("sleep (pid " + holder.pid() + ")", "remedy: kill " + holder.pid());
    await().atMost(PATIENCE).until(() -> refusedToOpen(ReasonCode.TPM_BUSY) >= 3);
    assertThat(linesOf(ReasonCode.TPM_BUSY)).as("retried in silence").hasSize(1);
    assertThat(holder.isAlive()).as("nobody fights").isTrue();
    holder.destroyForcibly();
    assertThat(holder.waitFor(60, TimeUnit.SECONDS)).isTrue();
    becomesAttested();
  }

  @Test
  void a_tabrmd_started_at_night_is_one_line_and_ended_the_node_is_attested_again()
      throws Exception {
    try (Tabrmd tabrmd = new Tabrmd()) {
      startAgent("", TpmMachines.real(state.resolve("dev")));
      becomesAttested();
      int attestations = issuer.attestations.get();
      tabrmd.start("device:" + raw.node());
      Reason reason = becomesUnavailable(ReasonCode.TPM_RESOURCE_MANAGER_CONFLICT);
      assertThat(reason.detail()).contains("tpm2-abrmd (pid " + tabrmd.pid() + ")");
      assertThat(health().path("reason").path("code").asText())
          .isEqualTo("TPM_RESOURCE_MANAGER_CONFLICT");
      assertThat(linesOf(ReasonCode.TPM_RESOURCE_MANAGER_CONFLICT))
          .singleElement()
          .asString()
          .contains("tpm2-abrmd (pid " + tabrmd.pid() + ")", "remedy: kill " + tabrmd.pid());
      tabrmd.kill();
      becomesAttested();
      assertThat(issuer.attestations).as("its SVID is still good").hasValue(attestations);
    }
  }

  @Test
  void a_tpm_that_hangs_is_noticed_while_nobody_needs_it_and_taken_back_when_it_answers()
      throws Exception {
    startAgent(software.tcti(), TpmMachine.local());
    becomesAttested();
    software.guessPasswords();
    await()
        .atMost(PATIENCE)
        .until(() -> agent.context().meters().get("serai.tpm.lockout").gauge().value() == 1);
    assertThat(agentState().name()).as("its keys are exempt").isEqualTo("ATTESTED");
    software.stop();
    Reason reason = becomesUnavailable(ReasonCode.TPM_WEDGED);
    assertThat(reason.remedy()).isEqualTo("kill -CONT " + software.pid());
    await().atMost(PATIENCE).until(() -> refusedToOpen(ReasonCode.TPM_WEDGED) >= 2);
    assertThat(linesOf(ReasonCode.TPM_WEDGED)).hasSize(1);
    software.cont();
    becomesAttested();
  }
}
