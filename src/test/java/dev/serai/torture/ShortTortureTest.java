package dev.serai.torture;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The torture suite in its short form: each kind of fault once. */
@Tag("slow")
@Tag("alone")
class ShortTortureTest {
  @TempDir Path dir;

  @Test
  void every_kind_of_fault_is_survived_without_a_hand() throws Exception {
    long seed = TortureSeed.orElse(20_261_125L);
    Plan plan = new Plan(seed, Duration.ofMillis(1_000), Duration.ofMillis(2_500));
    Torture torture =
        new Torture(
            dir,
            seed,
            new Site.Pace(
                Duration.ofMinutes(20),
                Duration.ofSeconds(10),
                Duration.ofMillis(500),
                Duration.ofSeconds(2),
                Duration.ofSeconds(2)),
            plan,
            Integer.MAX_VALUE);
    torture.run((rounds, gone) -> plan.deckIsDealt());
    Set<Kind> seen = EnumSet.copyOf(torture.survived().keySet());
    seen.addAll(torture.skipped().keySet());
    assertThat(seen).isEqualTo(EnumSet.allOf(Kind.class));
    assertThat(torture.survived()).isEqualTo(torture.injected());
  }
}
