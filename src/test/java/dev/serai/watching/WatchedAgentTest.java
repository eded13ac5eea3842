package dev.serai.watching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.appraisal.NodeWatch;
import dev.serai.appraisal.NodeWatch.Watched;
import dev.serai.appraisal.StateReport.State;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** All roles in one process, a software TPM: the verifier watches Serai's own agent over mTLS. */
@Tag("slow")
class WatchedAgentTest {
  @TempDir Path trust;

  @Test
  void serais_own_agent_keeps_proving_itself_and_is_refused_once_a_pcr_changes() throws Exception {
    Files.write(trust.resolve("ca.cer"), SwTpm.ekCa().getEncoded());
    try (SwTpm tpm = SwTpm.fresh();
        SeraiHarness serai =
            SeraiHarness.roles("issuer", "registrar", "verifier", "agent")
                .with("serai.tpm.tcti", tpm.tcti())
                .with("serai.tpm.allow-software", "true")
                .with("serai.registrar.ek-trust-dir", trust.toString())
                .with("serai.verifier.policy", "builtin:demo")
                .with("serai.verifier.interval", "500ms")
                .with("serai.verifier.tick", "100ms")
                .start()) {
      NodeWatch watch = serai.bean("nodeWatch", NodeWatch.class);
      await().atMost(Duration.ofSeconds(60)).until(() -> !watch.all().isEmpty());
      Instant attested = watch.all().get(0).provenAt();
      await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(
              () -> {
                Watched node = watch.all().get(0);
                assertThat(node.reasons()).isEmpty();
                assertThat(node.provenAt()).isAfter(attested.plusSeconds(2));
              });
      assertThat(watch.all().get(0).state()).isEqualTo(State.TRUSTED);
      assertThat(watch.all().get(0).failures()).isZero();

      tpm.tool("tpm2_pcrextend", "7:sha256=" + "11".repeat(32));
      await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(
              () -> {
                Watched node = watch.all().get(0);
                assertThat(node.state()).isEqualTo(State.UNTRUSTED);
                assertThat(node.reasons().stream().map(Reason::code).toList())
                    .isEqualTo(List.of(ReasonCode.PCR_VALUE_NOT_ALLOWED));
              });
    }
  }
}
