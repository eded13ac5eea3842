package dev.serai.torture;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./serai test --torture}: for half an hour, or SERAI_TORTURE_MINUTES. */
@Tag("torture")
class LongTortureTest {
  @TempDir Path dir;

  @Test
  void half_an_hour_of_faults_is_survived_without_a_hand() throws Exception {
    long seed = TortureSeed.orElse(System.nanoTime());
    String minutes = System.getenv().getOrDefault("SERAI_TORTURE_MINUTES", "30");
    Duration time = Duration.ofMinutes(Long.parseLong(minutes.strip()));
    Plan plan = new Plan(seed, Duration.ofSeconds(2), Duration.ofSeconds(12));
    Torture torture =
        new Torture(
            dir,
            seed,
            new Site.Pace(
                Duration.ofMinutes(20),
                Duration.ofSeconds(20),
                Duration.ofSeconds(1),
                Duration.ofSeconds(10),
                Duration.ofSeconds(10)),
            plan,
            5);
    torture.run((rounds, gone) -> gone.compareTo(time) >= 0);
    assertThat(torture.survived()).isEqualTo(torture.injected());
  }
}
