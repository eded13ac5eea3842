package dev.serai.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The life of the agent, driven by hand. */
class AgentLifecycleTest {
  private static final AgentLifecycle.Pace PACE =
      new AgentLifecycle.Pace(
          new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(60)),
          new Backoff(Duration.ofSeconds(5), Duration.ofMinutes(5)));
  private static final double MIDDLE = 0.5; // no jitter

  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private AgentLifecycle life = AgentLifecycle.start(PACE);

  private void happens(AgentEvent event) {
    life = life.on(event, now, MIDDLE);
  }

  private void fails(AgentAction action, ReasonCode code) {
    happens(new AgentEvent.ActionFailed(action, new Reason(code, "test")));
  }

  private void refused(ReasonCode code) {
    happens(new AgentEvent.NodeRefused(new Reason(code, "test")));
  }

  private void passes(Duration time) {
    now = now.plus(time);
    life = life.at(now);
  }

  private SvidFacts svid(Duration life) {
    return new SvidFacts("spiffe://example.org/spire/agent/x", now, now.plus(life));
  }

  private void attested() {
    happens(new AgentEvent.TpmOpened(true));
    happens(new AgentEvent.AppKeyReady(Optional.empty()));
    happens(new AgentEvent.SvidIssued(svid(Duration.ofHours(1))));
  }

  private ReasonCode reason() {
    return life.state(now).reason().orElseThrow().code();
  }

  @Test
  void a_node_denied_right_after_a_proof_tries_soon_however_often_it_had_to_prove_itself() {
    attested();
    for (int i = 0; i < 8; i++) {
      refused(ReasonCode.NODE_NOT_ACTIVE);
      happens(new AgentEvent.SvidIssued(svid(Duration.ofHours(1))));
    }
    refused(ReasonCode.NODE_UNTRUSTED);
    passes(Duration.ofSeconds(19));
    assertThat(life.next(now)).isEqualTo(AgentAction.REST);
    passes(Duration.ofSeconds(1));
    assertThat(life.next(now)).isEqualTo(AgentAction.ATTEST);
    fails(AgentAction.ATTEST, ReasonCode.PCR_VALUE_NOT_ALLOWED);
    passes(Duration.ofSeconds(39));
    assertThat(life.next(now)).as("judged again, it waits longer").isEqualTo(AgentAction.REST);
  }

  @Test
  void walks_from_starting_to_attested() {
    assertThat(life.state(now).name()).isEqualTo("STARTING");
    assertThat(life.next(now)).isEqualTo(AgentAction.OPEN_TPM);
    happens(new AgentEvent.TpmOpened(false));
    assertThat(life.state(now).name()).isEqualTo("UNREGISTERED");
    assertThat(life.next(now)).isEqualTo(AgentAction.ENROL);
    happens(new AgentEvent.Enrolled());
    assertThat(life.next(now)).isEqualTo(AgentAction.PREPARE_APP_KEY);
    assertThat(reason()).isEqualTo(ReasonCode.AGENT_NOT_READY);
    happens(new AgentEvent.AppKeyReady(Optional.empty()));
    assertThat(life.next(now)).isEqualTo(AgentAction.ATTEST);
    happens(new AgentEvent.SvidIssued(svid(Duration.ofHours(1))));
    assertThat(life.state(now).name()).isEqualTo("ATTESTED");
    assertThat(life.next(now)).isEqualTo(AgentAction.REST);
    assertThat(life.attested(now)).isTrue();
  }

  @Test
  void a_restart_with_a_good_svid_needs_no_attestation() {
    happens(new AgentEvent.TpmOpened(true));
    happens(new AgentEvent.AppKeyReady(Optional.of(svid(Duration.ofHours(1)))));
    assertThat(life.state(now).name()).isEqualTo("ATTESTED");
    assertThat(life.next(now)).isEqualTo(AgentAction.REST);
  }

  @Test
  void an_svid_that_ended_while_away_is_not_used() {
    happens(new AgentEvent.TpmOpened(true));
    SvidFacts old = svid(Duration.ofMinutes(1));
    now = now.plus(Duration.ofMinutes(1));
    happens(new AgentEvent.AppKeyReady(Optional.of(old)));
    assertThat(life.attested(now)).isFalse();
    assertThat(life.next(now)).isEqualTo(AgentAction.ATTEST);
  }

  @Test
  void a_missing_tpm_is_tried_again_for_ever_with_a_capped_delay() {
    for (int i = 1; i <= 200; i++) {
      fails(AgentAction.OPEN_TPM, ReasonCode.TPM_NO_DEVICE);
      assertThat(life.state(now).name()).isEqualTo("TPM_UNAVAILABLE");
      assertThat(reason()).isEqualTo(ReasonCode.TPM_NO_DEVICE);
      assertThat(life.next(now)).isEqualTo(AgentAction.REST);
      Duration delay = Duration.between(now, life.state(now).nextTry().orElseThrow());
      assertThat(delay).isBetween(Duration.ofSeconds(1), Duration.ofSeconds(60));
      passes(delay);
      assertThat(life.next(now)).isEqualTo(AgentAction.OPEN_TPM);
    }
    happens(new AgentEvent.TpmOpened(false));
    assertThat(life.state(now).name()).isEqualTo("UNREGISTERED");
  }

  @Test
  void an_absent_registrar_is_waited_for() {
    happens(new AgentEvent.TpmOpened(false));
    fails(AgentAction.ENROL, ReasonCode.REGISTRAR_UNREACHABLE);
    assertThat(life.state(now).name()).isEqualTo("WAITING");
    assertThat(reason()).isEqualTo(ReasonCode.REGISTRAR_UNREACHABLE);
    passes(Duration.ofSeconds(1));
    assertThat(life.next(now)).isEqualTo(AgentAction.ENROL);
  }

  @Test
  void an_untrusted_ek_is_a_denial_with_slow_retry() {
    happens(new AgentEvent.TpmOpened(false));
    fails(AgentAction.ENROL, ReasonCode.EK_NOT_TRUSTED);
    assertThat(life.state(now).name()).isEqualTo("DENIED");
    assertThat(life.state(now).nextTry()).contains(now.plusSeconds(5));
  }

  @Test
  void an_absent_issuer_is_waited_for_and_the_delay_grows_to_a_minute() {
    happens(new AgentEvent.TpmOpened(true));
    happens(new AgentEvent.AppKeyReady(Optional.empty()));
    Duration last = Duration.ZERO;
    for (int i = 0; i < 20; i++) {
      fails(AgentAction.ATTEST, ReasonCode.ISSUER_UNREACHABLE);
      assertThat(life.state(now).name()).isEqualTo("WAITING");
      Duration delay = Duration.between(now, life.state(now).nextTry().orElseThrow());
      assertThat(delay).isGreaterThanOrEqualTo(last);
      last = delay;
      passes(delay);
    }
    assertThat(last).isEqualTo(Duration.ofSeconds(60));
  }

  @Test
  void a_lost_registration_leads_back_to_enrolment() {
    happens(new AgentEvent.TpmOpened(true));
    happens(new AgentEvent.AppKeyReady(Optional.empty()));
    fails(AgentAction.ATTEST, ReasonCode.NODE_UNKNOWN);
    assertThat(life.next(now)).isEqualTo(AgentAction.ENROL);
    happens(new AgentEvent.Enrolled());
    happens(new AgentEvent.AppKeyReady(Optional.empty()));
    assertThat(life.next(now)).as("not at once again").isEqualTo(AgentAction.REST);
    passes(Duration.ofSeconds(1));
    assertThat(life.next(now)).isEqualTo(AgentAction.ATTEST);
  }

  @Test
  void renews_at_half_life() {
    attested();
    passes(Duration.ofMinutes(29));
    assertThat(life.next(now)).isEqualTo(AgentAction.REST);
    passes(Duration.ofMinutes(1));
    assertThat(life.next(now)).isEqualTo(AgentAction.RENEW);
    assertThat(life.state(now).name()).isEqualTo("ATTESTED");
  }

  @Test
  void a_clock_that_is_set_back_keeps_nothing_waiting() {
    happens(new AgentEvent.TpmOpened(true));
    happens(new AgentEvent.AppKeyReady(Optional.empty()));
    fails(AgentAction.ATTEST, ReasonCode.ISSUER_UNREACHABLE);
    assertThat(life.next(now)).isEqualTo(AgentAction.REST);
    passes(Duration.ofHours(-1));
    assertThat(life.next(now)).isEqualTo(AgentAction.ATTEST);
    happens(new AgentEvent.SvidIssued(svid(Duration.ofHours(1))));
    assertThat(life.next(now)).isEqualTo(AgentAction.REST);
    passes(Duration.ofHours(-1));
    assertThat(life.next(now)).as("an SVID from a time to come").isEqualTo(AgentAction.RENEW);
    fails(AgentAction.RENEW, ReasonCode.ISSUER_UNREACHABLE);
    assertThat(life.next(now)).as("with a pause").isEqualTo(AgentAction.REST);
  }

  @Test
  void an_svid_that_begins_far_in_the_past_is_not_renewed_without_pause() {
    happens(new AgentEvent.TpmOpened(true));
    happens(new AgentEvent.AppKeyReady(Optional.empty()));
    happens(
        new AgentEvent.SvidIssued(
            new SvidFacts("spiffe://x", now.minusSeconds(60), now.plusSeconds(8))));
    assertThat(life.next(now)).isEqualTo(AgentAction.REST);
    passes(Duration.ofSeconds(2));
    assertThat(life.next(now)).isEqualTo(AgentAction.RENEW);
  }

  @Test
  void a_renewal_that_finds_no_issuer_leaves_the_svid_in_use_until_it_ends() {
    attested();
    passes(Duration.ofMinutes(30));
    fails(AgentAction.RENEW, ReasonCode.ISSUER_UNREACHABLE);
    assertThat(life.state(now).name()).isEqualTo("ATTESTED");
    assertThat(life.next(now)).isEqualTo(AgentAction.REST);
    passes(Duration.ofSeconds(1));
    assertThat(life.next(now)).isEqualTo(AgentAction.RENEW);
    passes(Duration.ofMinutes(30));
    assertThat(life.attested(now)).isFalse();
    assertThat(life.state(now).name()).isEqualTo("WAITING");
    assertThat(reason()).isEqualTo(ReasonCode.ISSUER_UNREACHABLE);
    assertThat(life.next(now)).isEqualTo(AgentAction.ATTEST);
  }

  @Test
  void a_renewal_that_is_denied_ends_the_identity_at_once() {
    attested();
    passes(Duration.ofMinutes(30));
    fails(AgentAction.RENEW, ReasonCode.PCR_VALUE_NOT_ALLOWED);
    assertThat(life.state(now).name()).isEqualTo("DENIED");
    assertThat(life.svid()).isEmpty();
    assertThat(life.attested(now)).isFalse();
  }

  @ParameterizedTest
  @EnumSource(
      value = ReasonCode.class,
      names = {"NODE_NOT_ATTESTED", "NODE_NOT_ACTIVE", "NODE_EXPIRED", "NODE_MUST_REATTEST"})
  void attests_at_once_when_the_issuer_forgot_the_node(ReasonCode code) {
    attested();
    passes(Duration.ofMinutes(10));
    refused(code);
    assertThat(life.state(now).name()).isEqualTo("WAITING");
    assertThat(reason()).isEqualTo(code);
    assertThat(life.next(now)).isEqualTo(AgentAction.ATTEST);
  }

  @Test
  void proof_and_refusal_in_turn_do_not_spin() {
    attested();
    passes(Duration.ofMinutes(10));
    refused(ReasonCode.NODE_NOT_ACTIVE);
    Duration last = Duration.ZERO;
    for (int i = 0; i < 5; i++) {
      happens(new AgentEvent.SvidIssued(svid(Duration.ofHours(1))));
      refused(ReasonCode.NODE_NOT_ACTIVE);
      Duration delay = Duration.between(now, life.state(now).nextTry().orElseThrow());
      assertThat(delay).isGreaterThan(last);
      last = delay;
      passes(delay);
      assertThat(life.next(now)).isEqualTo(AgentAction.ATTEST);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = ReasonCode.class,
      names = {"NODE_BANNED", "NODE_UNTRUSTED", "PCR_VALUE_NOT_ALLOWED", "CALLER_NOT_ALLOWED"})
  void a_judged_node_is_denied_and_asks_again_slowly(ReasonCode code) {
    attested();
    passes(Duration.ofMinutes(10));
    refused(code);
    assertThat(life.state(now).name()).isEqualTo("DENIED");
    assertThat(life.svid()).isEmpty();
    assertThat(life.next(now)).isEqualTo(AgentAction.REST);
    Duration delay = Duration.ofSeconds(5);
    for (int i = 0; i < 20; i++) {
      passes(delay);
      assertThat(life.next(now)).isEqualTo(AgentAction.ATTEST);
      fails(AgentAction.ATTEST, code);
      delay = Duration.between(now, life.state(now).nextTry().orElseThrow());
    }
    assertThat(delay).isEqualTo(Duration.ofMinutes(5));
    happens(new AgentEvent.SvidIssued(svid(Duration.ofHours(1))));
    assertThat(life.state(now).name()).isEqualTo("ATTESTED");
  }

  @Test
  void a_lost_tpm_is_opened_again_and_the_svid_is_still_good() {
    attested();
    SvidFacts mine = life.svid().orElseThrow();
    happens(new AgentEvent.TpmLost(new Reason(ReasonCode.TPM_UNAVAILABLE, "gone")));
    assertThat(life.state(now).name()).isEqualTo("TPM_UNAVAILABLE");
    passes(Duration.ofSeconds(1));
    assertThat(life.next(now)).isEqualTo(AgentAction.OPEN_TPM);
    happens(new AgentEvent.TpmOpened(true));
    happens(new AgentEvent.AppKeyReady(Optional.of(mine)));
    assertThat(life.state(now).name()).isEqualTo("ATTESTED");
  }

  @Test
  void a_tpm_that_opens_and_fails_in_turn_does_not_spin() {
    Duration last = Duration.ZERO;
    for (int i = 0; i < 6; i++) {
      happens(new AgentEvent.TpmOpened(false));
      fails(AgentAction.ENROL, ReasonCode.TPM_UNAVAILABLE);
      Duration delay = Duration.between(now, life.state(now).nextTry().orElseThrow());
      assertThat(delay).isGreaterThan(last);
      last = delay;
      passes(delay);
      if (delay.equals(Duration.ofSeconds(10))) {
        return; // as long as it gets: a TPM is local, and found soon after it was mended
      }
    }
    throw new AssertionError("it never waited 10 s");
  }

  @Test
  void a_denial_is_not_forgotten_over_a_reopened_tpm() {
    attested();
    refused(ReasonCode.NODE_BANNED);
    happens(new AgentEvent.TpmLost(new Reason(ReasonCode.TPM_UNAVAILABLE, "gone")));
    happens(new AgentEvent.TpmOpened(true));
    happens(new AgentEvent.AppKeyReady(Optional.empty()));
    assertThat(life.state(now).name()).isEqualTo("DENIED");
    assertThat(reason()).isEqualTo(ReasonCode.NODE_BANNED);
    assertThat(life.next(now)).isEqualTo(AgentAction.REST);
  }

  @Test
  void whatever_happens_there_is_always_a_next_try() {
    Random dice = new Random(7);
    ReasonCode[] codes = ReasonCode.values();
    AgentAction[] actions = AgentAction.values();
    for (int i = 0; i < 20_000; i++) {
      AgentEvent event =
          switch (dice.nextInt(7)) {
            case 0 -> new AgentEvent.TpmOpened(dice.nextBoolean());
            case 1 -> new AgentEvent.Enrolled();
            case 2 ->
                new AgentEvent.AppKeyReady(
                    dice.nextBoolean()
                        ? Optional.of(svid(Duration.ofMinutes(5)))
                        : Optional.empty());
            case 3 -> new AgentEvent.SvidIssued(svid(Duration.ofMinutes(5)));
            case 4 ->
                new AgentEvent.NodeRefused(new Reason(codes[dice.nextInt(codes.length)], "test"));
            case 5 -> new AgentEvent.TpmLost(new Reason(ReasonCode.TPM_UNAVAILABLE, "test"));
            default ->
                new AgentEvent.ActionFailed(
                    actions[dice.nextInt(actions.length)],
                    new Reason(codes[dice.nextInt(codes.length)], "test"));
          };
      life = life.on(event, now, dice.nextDouble());
      passes(Duration.ofMillis(dice.nextInt(2000)));
      assertThat(life.state(now)).isNotNull();
      Instant later = now.plus(Duration.ofMinutes(6));
      assertThat(life.at(later).next(later)).isNotEqualTo(AgentAction.REST);
    }
  }
}
