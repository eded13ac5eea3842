package dev.serai.appraisal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.TpmClock;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ClockPolicyTest {
  private static final TpmClock LAST = new TpmClock(100_000, 5, 2, true);
  private static final ClockPolicy UNSAFE_ALLOWED = new ClockPolicy(true, false);

  private static Optional<ReasonCode> judge(ClockPolicy policy, TpmClock now) {
    return policy.violation(now, Optional.of(LAST), false).map(Reason::code);
  }

  @Test
  void time_that_goes_on_is_accepted() {
    assertThat(judge(ClockPolicy.STRICT, LAST)).isEmpty();
    assertThat(judge(ClockPolicy.STRICT, new TpmClock(100_001, 5, 2, true))).isEmpty();
    assertThat(judge(ClockPolicy.STRICT, new TpmClock(100_001, 5, 3, true))).isEmpty();
    assertThat(judge(ClockPolicy.STRICT, new TpmClock(100_001, 6, 0, true))).isEmpty();
  }

  @Test
  void what_goes_back_is_refused() {
    assertThat(judge(ClockPolicy.STRICT, new TpmClock(39_999, 5, 2, true)))
        .contains(ReasonCode.CLOCK_WENT_BACK);
    assertThat(judge(ClockPolicy.STRICT, new TpmClock(200_000, 4, 9, true)))
        .contains(ReasonCode.CLOCK_WENT_BACK);
    assertThat(judge(ClockPolicy.STRICT, new TpmClock(200_000, 5, 1, true)))
        .contains(ReasonCode.CLOCK_WENT_BACK);
    assertThat(judge(ClockPolicy.STRICT, new TpmClock(0, 0, 0, true)))
        .contains(ReasonCode.CLOCK_WENT_BACK);
  }

  @Test
  void a_safe_clock_does_not_go_back_even_after_a_reset() {
    assertThat(judge(ClockPolicy.STRICT, new TpmClock(99_999, 6, 0, true)))
        .contains(ReasonCode.CLOCK_WENT_BACK);
  }

  @Test
  void where_unsafe_clocks_are_allowed_a_counted_reset_may_put_the_clock_back() {
    assertThat(judge(UNSAFE_ALLOWED, new TpmClock(1_000, 6, 0, true))).isEmpty();
    assertThat(judge(UNSAFE_ALLOWED, new TpmClock(1_000, 5, 2, true)))
        .contains(ReasonCode.CLOCK_WENT_BACK);
  }

  @Test
  void statements_made_at_the_same_time_may_be_judged_in_any_order() {
    assertThat(judge(ClockPolicy.STRICT, new TpmClock(99_900, 5, 2, true))).isEmpty();
  }

  @Test
  void an_unsafe_clock_may_fall_behind_after_a_reset_only() {
    assertThat(judge(UNSAFE_ALLOWED, new TpmClock(9_000, 6, 0, false))).isEmpty();
    assertThat(judge(UNSAFE_ALLOWED, new TpmClock(9_000, 5, 2, false)))
        .contains(ReasonCode.CLOCK_WENT_BACK);
    assertThat(judge(UNSAFE_ALLOWED, new TpmClock(9_000, 5, 3, false)))
        .contains(ReasonCode.CLOCK_WENT_BACK);
  }

  @Test
  void an_unsafe_clock_needs_the_operator_s_word() {
    assertThat(judge(ClockPolicy.STRICT, new TpmClock(100_001, 5, 2, false)))
        .contains(ReasonCode.CLOCK_NOT_SAFE);
    assertThat(
            ClockPolicy.STRICT
                .violation(new TpmClock(1, 0, 0, false), Optional.empty(), true)
                .map(Reason::code))
        .contains(ReasonCode.CLOCK_NOT_SAFE);
  }

  @Test
  void a_reboot_is_answered_by_attesting_where_the_policy_says_so() {
    ClockPolicy policy = new ClockPolicy(false, true);
    TpmClock rebooted = new TpmClock(100_001, 6, 0, true);
    assertThat(judge(policy, rebooted)).contains(ReasonCode.NODE_REBOOTED);
    assertThat(policy.violation(rebooted, Optional.of(LAST), true)).isEmpty();
    assertThat(judge(ClockPolicy.STRICT, rebooted)).isEmpty();
  }
}
