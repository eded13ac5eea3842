package dev.serai.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every target for 60 seconds, or as long as {@code ./serai test --fuzz} says. The fuzzers began
 * with the first of the tests that go alone and used what those left of the machine; this class
 * comes last and waits for their end. Each finding becomes a file of the corpus.
 */
@Tag("slow")
@Tag("alone")
@Order(Integer.MAX_VALUE)
class FuzzTest {
  static Stream<FuzzTarget> targets() {
    return FuzzRun.asked().stream();
  }

  @ParameterizedTest
  @MethodSource("targets")
  void no_input_found_is_answered_in_another_way_than_declared(FuzzTarget target) {
    FuzzRun.Outcome outcome = FuzzBesideTests.run().outcome(target);
    System.out.println(outcome.line());
    assertThat(outcome.finding()).isEmpty();
  }
}
