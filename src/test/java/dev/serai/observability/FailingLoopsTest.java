package dev.serai.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.serai.agent.AgentStatus;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Everything retries for ever; what that writes into the log meanwhile stays little. */
@Tag("slow")
class FailingLoopsTest {
  private static final Duration SOON = Duration.ofSeconds(90);
  private static final int FAILURES = 60;
  private static final int LINES = 30;

  @TempDir Path dir;
  private final SwTpm tpm = SwTpm.fresh();
  private final ListAppender<ILoggingEvent> log = new ListAppender<>();
  private final Logger root = (Logger) LoggerFactory.getLogger(Logger.ROOT_LOGGER_NAME);
  private SeraiHarness serai;

  @AfterEach
  void end() {
    root.detachAppender(log);
    if (serai != null) {
      serai.close();
    }
    tpm.close();
  }

  @Test
  void an_issuer_and_a_tpm_that_are_away_do_not_flood_the_log() throws Exception {
    Path trust = Files.createDirectories(dir.resolve("ek"));
    Files.write(trust.resolve("ca.der"), SwTpm.ekRoot().getEncoded());
    serai =
        SeraiHarness.roles("issuer", "registrar", "verifier", "agent")
            .with("serai.tpm.tcti", tpm.tcti())
            .with("serai.tpm.allow-software", "true")
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .with("serai.verifier.policy", "builtin:demo")
            // Minutes of the usual pauses in seconds.
            .with("serai.verifier.interval", "50ms")
            .with("serai.verifier.tick", "50ms")
            .with("serai.verifier.longest-back-off", "100ms")
            .with("serai.verifier.breaker-open", "100ms")
            .with("serai.agent.sync-period", "50")
            .with("serai.agent.retry-first", "20ms")
            .with("serai.agent.retry-most", "50ms")
            .with("serai.agent.quotes-per-second", "1000")
            .with("serai.agent.quote-burst", "1000")
            .start();
    AgentStatus agent = serai.bean("agentStatus", AgentStatus.class);
    await().atMost(SOON).until(agent::attested);

    for (String route :
        List.of(
            "sync-authorized-entries",
            "get-authorized-entries",
            "get-bundle",
            "watch-node-standing",
            "attest-agent")) {
      serai.camel().getRouteController().stopRoute(route);
    }
    assertQuietWhile("the issuer answers nothing");

    tpm.kill();
    assertQuietWhile("the TPM is gone too");
    assertThat(serai.context().meters().get("serai.internal.errors").counter().count()).isZero();
  }

  /** Lines while something fails again and again. */
  private void assertQuietWhile(String what) {
    double before = failures();
    log.list.clear();
    log.start();
    root.addAppender(log);
    await().atMost(SOON).until(() -> failures() >= before + FAILURES);
    root.detachAppender(log);
    List<String> lines =
        List.copyOf(log.list).stream()
            .filter(event -> event.getLevel().isGreaterOrEqual(ch.qos.logback.classic.Level.INFO))
            .map(event -> event.getLevel() + " " + event.getFormattedMessage())
            .toList();
    assertThat(lines).as("%s: lines of %s failures", what, FAILURES).hasSizeLessThan(LINES);
  }

  private double failures() {
    return serai.context().meters().find("serai.refusals").counters().stream()
        .mapToDouble(counter -> counter.count())
        .sum();
  }
}
