package dev.serai.deadline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DeadlineTest {
  private static final Duration OWN = Duration.ofSeconds(10);

  @Test
  void without_a_caller_a_call_has_its_own_bound() {
    assertThat(Deadline.within(OWN)).isEqualTo(OWN);
  }

  @Test
  void an_inner_call_ends_before_the_outer_one() {
    Deadline outer = Deadline.in(Duration.ofSeconds(4));
    try (Deadline.Scope scope = Deadline.enter(Optional.of(outer))) {
      Duration inner = Deadline.within(OWN);
      assertThat(inner).isPositive().isLessThan(Duration.ofSeconds(4));
      try (Deadline.Scope deeper = Deadline.enter(Optional.of(Deadline.in(inner)))) {
        assertThat(Deadline.within(OWN)).isLessThan(inner);
      }
      assertThat(Deadline.current()).contains(outer);
    }
    assertThat(Deadline.current()).isEmpty();
  }

  @Test
  void a_generous_caller_does_not_lengthen_a_call() {
    try (Deadline.Scope scope = Deadline.enter(Optional.of(Deadline.in(Duration.ofMinutes(9))))) {
      assertThat(Deadline.within(OWN)).isEqualTo(OWN);
    }
  }

  @Test
  void when_the_time_is_over_nothing_is_begun() {
    try (Deadline.Scope scope = Deadline.enter(Optional.of(Deadline.in(Duration.ZERO)))) {
      assertThatThrownBy(() -> Deadline.within(OWN))
          .isInstanceOfSatisfying(
              RefusalException.class,
              e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.DEADLINE_EXCEEDED));
    }
  }

  @Test
  void a_header_is_a_number_of_milliseconds_or_nothing() {
    assertThat(Deadline.fromHeader("1500").orElseThrow().remaining())
        .isBetween(Duration.ofMillis(1), Duration.ofMillis(1500));
    for (Object noise : new Object[] {"", "-1", "1e9", "12345678901", "5s", 7, null}) {
      assertThat(Deadline.fromHeader(noise)).as("%s", noise).isEmpty();
    }
  }
}
