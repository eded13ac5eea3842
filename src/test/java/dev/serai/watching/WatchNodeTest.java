package dev.serai.watching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.appraisal.NodeRecord;
import dev.serai.appraisal.NodeWatch;
import dev.serai.appraisal.SoftwareTpm;
import dev.serai.appraisal.StateReport;
import dev.serai.appraisal.StateReport.State;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.TpmClock;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Continuous appraisal as shipped, with agents, a registrar and an issuer of the test's own. */
@Tag("slow")
class WatchNodeTest {
  @TempDir Path state;
  private WatchFixture verifier;
  private FakeAgent agent;

  @BeforeEach
  void start() {
    agent = new FakeAgent();
    verifier = new WatchFixture(state, Map.of());
  }

  @AfterEach
  void stop() {
    verifier.close();
    agent.close();
  }

  private void reopen(Map<String, String> settings) {
    verifier.close();
    verifier = new WatchFixture(state, settings);
  }

  private void awaitState(String id, State wanted) {
    await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(() -> assertThat(verifier.watched(id).state()).isEqualTo(wanted));
  }

  private void awaitQuotes(int more) {
    int before = agent.quotes.get();
    await().atMost(Duration.ofSeconds(60)).until(() -> agent.quotes.get() >= before + more);
  }

  private StateReport awaitReport(String id, int number) {
    await().atMost(Duration.ofSeconds(60)).until(() -> verifier.reports(id).size() >= number);
    return verifier.reports(id).get(number - 1);
  }

  private static Iterable<ReasonCode> codes(StateReport report) {
    return report.reasons().stream().map(Reason::code).toList();
  }

  @Test
  void a_good_node_is_asked_again_and_again_and_stays_trusted_without_a_word() {
    verifier.attested(agent.node("good"));
    awaitQuotes(5);
    NodeWatch.Watched watched = verifier.watched("good");
    assertThat(watched.state()).isEqualTo(State.TRUSTED);
    assertThat(watched.pcrs()).containsKeys("sha256:0", "sha256:7", "sha256:16");
    assertThat(verifier.reports).isEmpty();
    assertThat(agent.requests.get(0))
        .matches(
            "/v2\\.5/quotes/integrity\\?nonce=[A-Za-z0-9]{32}&mask=0x81&partial=0&ima_ml_entry=0");
    assertThat(agent.requests).doesNotHaveDuplicates();
  }

  @Test
  void a_changed_pcr_is_reported_at_once_and_so_is_its_return() {
    verifier.attested(agent.node("n"));
    awaitQuotes(2);
    agent.pcrs.put(7, Bytes.ofHex("11".repeat(32)));
    StateReport report = awaitReport("n", 1);
    assertThat(report.state()).isEqualTo(State.UNTRUSTED);
    assertThat(codes(report)).containsExactly(ReasonCode.PCR_VALUE_NOT_ALLOWED);
    assertThat(verifier.watched("n").state()).isEqualTo(State.UNTRUSTED);
    agent.pcrs.put(7, Bytes.copyOf(new byte[32]));
    assertThat(awaitReport("n", 2).state()).isEqualTo(State.TRUSTED);
    awaitQuotes(3);
    assertThat(verifier.reports("n")).hasSize(2);
  }

  @Test
  void a_reboot_makes_the_node_untrusted_until_it_attests_again() {
    verifier.attested(agent.node("n"));
    awaitQuotes(2);
    agent.clock = new TpmClock(agent.clock.clockMillis(), 6, 0, true);
    StateReport report = awaitReport("n", 1);
    assertThat(codes(report)).containsExactly(ReasonCode.NODE_REBOOTED);
    awaitQuotes(3);
    assertThat(verifier.watched("n").state()).isEqualTo(State.UNTRUSTED);
    new StoredBaselines(verifier.serai.context().database())
        .save("n", new dev.serai.appraisal.Baseline(Map.of(), Optional.of(agent.clock)));
    verifier.attested(agent.node("n"));
    awaitQuotes(3);
    assertThat(verifier.watched("n").state()).isEqualTo(State.TRUSTED);
  }

  static Stream<Arguments> badAnswers() {
    return Stream.of(
        bad("wrong nonce", ReasonCode.NONCE_MISMATCH, a -> a.nonce = Optional.of("old")),
        bad("another key", ReasonCode.SIGNATURE_INVALID, a -> a.signer = SoftwareTpm.OTHER_P256),
        bad("no pubkey", ReasonCode.EVIDENCE_MISSING, a -> a.key = Optional.empty()),
        bad("other pubkey", ReasonCode.PCR_VALUE_NOT_ALLOWED, a -> a.key = Optional.of("other")),
        bad(
            "clock back",
            ReasonCode.CLOCK_WENT_BACK,
            a -> {
              a.countClock = false;
              a.clock = new TpmClock(5, 5, 1, true);
            }),
        bad(
            "garbled quote",
            ReasonCode.EVIDENCE_MALFORMED,
            a ->
                a.body =
                    Optional.of(
                        ("{\"code\":200,\"status\":\"Success\",\"results\":{\"quote\":\"r!\","
                                + "\"hash_alg\":\"sha256\",\"enc_alg\":\"ecc256\",\"sign_alg\":"
                                + "\"ecdsa\",\"pubkey\":\"x\"}}")
                            .getBytes(StandardCharsets.UTF_8))));
  }

  private static Arguments bad(String name, ReasonCode code, Consumer<FakeAgent> change) {
    return Arguments.of(name, code, change);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("badAnswers")
  void an_answer_that_proves_nothing_makes_the_node_untrusted(
      String name, ReasonCode code, Consumer<FakeAgent> change) {
    verifier.attested(agent.node("n"));
    awaitQuotes(2);
    change.accept(agent);
    StateReport report = awaitReport("n", 1);
    assertThat(report.state()).as(name).isEqualTo(State.UNTRUSTED);
    assertThat(codes(report)).containsExactly(code);
  }

  static Stream<Arguments> noAnswers() {
    return Stream.of(
        Arguments.of("status 500", (Consumer<FakeAgent>) a -> a.status = 500),
        Arguments.of("status 302", (Consumer<FakeAgent>) a -> a.status = 302),
        Arguments.of("no JSON", (Consumer<FakeAgent>) a -> a.body = Optional.of(new byte[] {'{'})),
        Arguments.of(
            "too large",
            (Consumer<FakeAgent>) a -> a.body = Optional.of(new byte[17 * 1024 * 1024])),
        Arguments.of("closed", (Consumer<FakeAgent>) FakeAgent::close));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("noAnswers")
  void a_node_that_does_not_answer_is_unreachable_and_only_later_unproven(
      String name, Consumer<FakeAgent> change) {
    verifier.attested(agent.node("n"));
    awaitQuotes(2);
    change.accept(agent);
    awaitState("n", State.UNREACHABLE);
    assertThat(verifier.watched("n").reasons())
        .as(name)
        .extracting(Reason::code)
        .containsExactly(ReasonCode.AGENT_UNREACHABLE);
    assertThat(verifier.reports).isEmpty();
    verifier.advance(Duration.ofMinutes(6));
    StateReport report = awaitReport("n", 1);
    assertThat(report.state()).isEqualTo(State.UNREACHABLE);
  }

  @Test
  void a_node_that_answers_again_is_trusted_again() {
    verifier.attested(agent.node("n"));
    awaitQuotes(2);
    agent.status = 500;
    awaitState("n", State.UNREACHABLE);
    verifier.advance(Duration.ofMinutes(6));
    assertThat(awaitReport("n", 1).state()).isEqualTo(State.UNREACHABLE);
    agent.status = 200;
    verifier.advance(Duration.ofMinutes(2)); // its breaker lets one question through
    assertThat(awaitReport("n", 2).state()).isEqualTo(State.TRUSTED);
  }

  @Test
  void three_questions_without_answer_open_the_breaker_and_the_agent_is_left_alone() {
    verifier.attested(agent.node("n"));
    awaitQuotes(1);
    agent.status = 500;
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> verifier.watched("n").breaker().equals("OPEN"));
    int asked = agent.requests.size();
    int failures = verifier.watched("n").failures();
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> verifier.watched("n").failures() >= failures + 2);
    assertThat(agent.requests).hasSize(asked);
    assertThat(
            verifier
                .serai
                .context()
                .meters()
                .get("serai.breakers")
                .tag("kind", "node")
                .tag("state", "OPEN")
                .gauge()
                .value())
        .isEqualTo(1);
    agent.status = 200;
    verifier.advance(Duration.ofSeconds(31));
    awaitState("n", State.TRUSTED);
    assertThat(verifier.watched("n").breaker()).isEqualTo("CLOSED");
  }

  @Test
  void a_proof_runs_out_also_when_the_registrar_is_away() {
    verifier.attested(agent.node("n"));
    awaitQuotes(1);
    verifier.registrarAway = true;
    awaitState("n", State.UNREACHABLE);
    verifier.advance(Duration.ofMinutes(6));
    StateReport report = awaitReport("n", 1);
    assertThat(report.state()).isEqualTo(State.UNREACHABLE);
    assertThat(codes(report)).containsExactly(ReasonCode.REGISTRAR_UNREACHABLE);
  }

  private void awaitProofNotAfter(Instant latest) {
    Instant some = latest.plusSeconds(600); // the test itself takes time
    await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> verifier.watched("n").provenAt().isBefore(some));
  }

  @Test
  void a_clock_that_is_set_back_stops_neither_the_questions_nor_the_end_of_a_proof() {
    reopen(Map.of("serai.verifier.breaker-open", "3s"));
    verifier.attested(agent.node("n"));
    awaitQuotes(2);
    verifier.advance(Duration.ofHours(-2));
    awaitQuotes(3);
    agent.status = 500;
    awaitState("n", State.UNREACHABLE);
    verifier.advance(Duration.ofHours(-2));
    awaitProofNotAfter(Instant.now().minus(Duration.ofHours(4)));
    verifier.advance(Duration.ofMinutes(6));
    assertThat(awaitReport("n", 1).state()).isEqualTo(State.UNREACHABLE);
    agent.status = 200;
    verifier.advance(Duration.ofHours(-2)); // its breaker is open; it waits seconds, not hours
    verifier.advance(Duration.ofMinutes(2));
    assertThat(awaitReport("n", 2).state()).isEqualTo(State.TRUSTED);
  }

  @Test
  void a_banned_node_is_untrusted_whatever_it_quotes() {
    verifier.attested(agent.node("n"));
    awaitQuotes(1);
    NodeRecord node = agent.node("n");
    verifier.registrar.put(
        "n",
        new NodeRecord(
            "n",
            node.ek(),
            node.ak(),
            NodeRecord.Standing.BANNED,
            node.host(),
            node.port(),
            node.mtlsCertificatePem()));
    assertThat(codes(awaitReport("n", 1))).containsExactly(ReasonCode.NODE_BANNED);
  }

  @Test
  void a_deleted_node_is_reported_and_then_forgotten() {
    verifier.attested(agent.node("n"));
    awaitQuotes(1);
    verifier.issuerAway = true;
    verifier.registrar.clear();
    awaitState("n", State.UNTRUSTED);
    verifier.issuerAway = false;
    assertThat(codes(awaitReport("n", 1))).containsExactly(ReasonCode.NODE_UNKNOWN);
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> verifier.serai.bean("nodeWatch", NodeWatch.class).byId("n").isEmpty());
  }

  @Test
  void a_report_is_sent_until_the_issuer_has_it_also_after_a_restart() {
    verifier.attested(agent.node("n"));
    awaitQuotes(1);
    verifier.issuerAway = true;
    agent.pcrs.put(7, Bytes.ofHex("11".repeat(32)));
    awaitState("n", State.UNTRUSTED);
    verifier.close();
    verifier.open();
    assertThat(verifier.reports).isEmpty();
    verifier.issuerAway = false;
    assertThat(codes(awaitReport("n", 1))).containsExactly(ReasonCode.PCR_VALUE_NOT_ALLOWED);
  }

  @Test
  void the_watch_goes_on_after_a_restart() {
    verifier.attested(agent.node("n"));
    awaitQuotes(1);
    verifier.close();
    verifier.open();
    verifier.advance(Duration.ofMinutes(1)); // a lease of the one that was stopped is over
    awaitQuotes(2);
    assertThat(verifier.watched("n").state()).isEqualTo(State.TRUSTED);
  }

  @Test
  void an_agent_of_another_version_is_asked_in_its_own() {
    agent.speaksOnly = Optional.of("2.1");
    verifier.attested(agent.node("n"));
    awaitQuotes(3);
    assertThat(verifier.watched("n").state()).isEqualTo(State.TRUSTED);
    assertThat(agent.requests.stream().filter(r -> r.equals("/version"))).hasSize(1);
    assertThat(agent.requests.get(agent.requests.size() - 1)).startsWith("/v2.1/quotes");
  }

  @Test
  void one_that_hangs_delays_none_of_fifty() throws IOException {
    reopen(Map.of("serai.verifier.quote-deadline", "2s"));
    try (ServerSocket hanging = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      for (int i = 0; i < 10; i++) {
        NodeRecord node = agent.node("hanging-" + i);
        verifier.attested(
            new NodeRecord(
                node.nodeId(),
                node.ek(),
                node.ak(),
                node.standing(),
                node.host(),
                hanging.getLocalPort(),
                node.mtlsCertificatePem()));
      }
      for (int i = 0; i < 50; i++) {
        verifier.attested(agent.node("quick-" + i));
      }
      awaitState("hanging-0", State.UNREACHABLE);
      assertThat(verifier.watched("hanging-0").reasons().get(0).detail())
          .containsPattern("deadline|circuit breaker");
      Instant whileTheyHang = Instant.now();
      await()
          .untilAsserted(
              () -> {
                for (int i = 0; i < 50; i++) {
                  NodeWatch.Watched watched = verifier.watched("quick-" + i);
                  assertThat(watched.state()).isEqualTo(State.TRUSTED);
                  assertThat(watched.provenAt()).isAfter(whileTheyHang);
                }
              });
    }
  }
}
