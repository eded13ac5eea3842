package dev.serai.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every input of the corpus once, in each run of the tests: what was found stays mended. */
class FuzzCorpusTest {
  private static final long MOST_BYTES = 300 * 1024;

  @ParameterizedTest
  @EnumSource
  void every_input_of_the_corpus_is_answered_as_declared(FuzzTarget target) throws Throwable {
    MethodHandle entry =
        MethodHandles.publicLookup()
            .findStatic(
                target.type(),
                "fuzzerTestOneInput",
                MethodType.methodType(void.class, byte[].class));
    List<Path> inputs = inputs(FuzzRun.corpus(target));
    assertThat(inputs).isNotEmpty();
    for (Path input : inputs) {
      try {
        entry.invoke(Files.readAllBytes(input));
      } catch (Throwable finding) { // whatever it is, it names the input
        throw new AssertionError(input + ": " + finding, finding);
      }
    }
  }

  @Test
  void the_corpus_stays_small() throws IOException {
    long bytes = 0;
    for (FuzzTarget target : FuzzTarget.values()) {
      for (Path input : inputs(FuzzRun.corpus(target))) {
        bytes += Files.size(input);
      }
    }
    assertThat(bytes).isLessThan(MOST_BYTES);
  }

  private static List<Path> inputs(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.sorted().toList();
    }
  }
}
