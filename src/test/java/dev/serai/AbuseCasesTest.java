package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The list of abuse cases names tests that exist, so no link of it can rot. */
class AbuseCasesTest {
  private static ScenarioIndex index;

  @BeforeAll
  static void read() throws IOException {
    index = ScenarioIndex.read("abuse-cases.txt", "N\\d\\d");
  }

  @Test
  void every_case_has_a_row() {
    assertThat(index.numbers())
        .containsExactlyElementsOf(
            IntStream.rangeClosed(1, 50).mapToObj("N%02d"::formatted).toList());
  }

  @Test
  void every_test_that_is_named_exists_and_is_one() throws IOException {
    assertThat(index.missing()).isEmpty();
  }
}
