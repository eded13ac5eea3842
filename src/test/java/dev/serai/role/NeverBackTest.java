package dev.serai.role;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class NeverBackTest {
  private static final Instant START = Instant.parse("2026-11-24T00:00:00Z");

  @Test
  void it_goes_on_from_where_it_was_when_the_clock_is_set_back() {
    AtomicReference<Instant> wall = new AtomicReference<>(START);
    NeverBack clock = new NeverBack(wall::get);
    assertThat(clock.instant()).isEqualTo(START);
    wall.set(START.minusSeconds(3600));
    assertThat(clock.instant()).isEqualTo(START);
    wall.set(START.minusSeconds(3590));
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(10));
    wall.set(START.minusSeconds(7200));
    wall.set(START.minusSeconds(3600));
    assertThat(clock.instant()).isEqualTo(START.plusSeconds(10));
    wall.set(START);
    assertThat(clock.instant()).as("forward it follows").isEqualTo(START.plusSeconds(3610));
  }
}
