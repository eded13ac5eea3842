package dev.serai.watching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.appraisal.StateReport;
import dev.serai.reason.Refused;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.apache.camel.Processor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever step of the watch fails or does nothing, no node stays proven by it. */
@Tag("slow")
class WatchStepsTest {
  @TempDir Path state;

  private void assertRunsOut(String bean, Processor instead) {
    try (FakeAgent agent = new FakeAgent();
        WatchFixture verifier = new WatchFixture(state, Map.of(), Map.of(bean, instead))) {
      verifier.attested(agent.node("n"));
      verifier.advance(Duration.ofMinutes(6));
      await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(
              () ->
                  assertThat(verifier.reports("n"))
                      .as(bean)
                      .extracting(StateReport::state)
                      .contains(StateReport.State.UNREACHABLE)
                      .doesNotContain(StateReport.State.TRUSTED));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "takeDueNodes",
        "beginWatch",
        "makeQuoteRequest",
        "fetchQuote",
        "appraiseQuote",
        "recordVerdict"
      })
  void with_a_step_that_throws_the_proof_runs_out(String bean) {
    assertRunsOut(
        bean,
        exchange -> {
          throw new IllegalStateException("planted in " + bean);
        });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "takeDueNodes",
        "beginWatch",
        "makeQuoteRequest",
        "fetchQuote",
        "appraiseQuote",
        "recordVerdict"
      })
  void with_a_step_that_does_nothing_the_proof_runs_out(String bean) {
    assertRunsOut(bean, exchange -> {});
  }

  @Test
  void an_attestation_that_cannot_be_kept_is_refused() {
    try (FakeAgent agent = new FakeAgent();
        WatchFixture verifier =
            new WatchFixture(
                state,
                Map.of(),
                Map.of(
                    "recordAttested",
                    exchange -> {
                      throw new IllegalStateException("planted");
                    }))) {
      Object answer = verifier.attest(agent.node("n"));
      assertThat(answer).isInstanceOf(Refused.class);
    }
  }
}
