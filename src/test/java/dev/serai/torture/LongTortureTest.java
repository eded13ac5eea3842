package dev.serai.torture;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code ./serai test --torture}: for half an hour, or SERAI_TORTURE_MINUTES; all faults, or
 * SERAI_TORTURE_FAULTS.
 */
@Tag("torture")
class LongTortureTest {
  @TempDir Path dir;

  private static Set<Kind> faults() {
    String given = System.getenv().getOrDefault("SERAI_TORTURE_FAULTS", "");
    return given.isBlank()
        ? EnumSet.allOf(Kind.class)
        : Arrays.stream(given.split(","))
            .map(name -> Kind.valueOf(name.strip().toUpperCase(Locale.ROOT)))
            .collect(Collectors.toCollection(() -> EnumSet.noneOf(Kind.class)));
  }

  @Test
  void half_an_hour_of_faults_is_survived_without_a_hand() throws Exception {
    long seed = TortureSeed.orElse(System.nanoTime());
    String minutes = System.getenv().getOrDefault("SERAI_TORTURE_MINUTES", "30");
    Duration time = Duration.ofMinutes(Long.parseLong(minutes.strip()));
    Plan plan = new Plan(faults(), seed, Duration.ofSeconds(2), Duration.ofSeconds(12));
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
