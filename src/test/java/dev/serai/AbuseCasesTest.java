package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The list of abuse cases names tests that exist, so no link of it can rot. */
class AbuseCasesTest {
  private static final Path LIST = Path.of("src/test/resources/abuse-cases.txt");
  private static final Pattern ROW = Pattern.compile("(N\\d\\d) \\| ([^|]+) \\| ([^|]+)");

  private static final Map<String, List<String>> CASES = new LinkedHashMap<>();
  private static final Map<String, Path> SOURCES = new HashMap<>();

  @BeforeAll
  static void read() throws IOException {
    List<String> twice = new ArrayList<>();
    for (String line : Files.readAllLines(LIST)) {
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      Matcher row = ROW.matcher(line);
      assertThat(row.matches()).as(line).isTrue();
      List<String> tests = Arrays.stream(row.group(3).split(",")).map(String::strip).toList();
      if (CASES.put(row.group(1), tests) != null) {
        twice.add(row.group(1));
      }
    }
    assertThat(twice).isEmpty();
    try (Stream<Path> files = Files.walk(Path.of("src/test/java"))) {
      files
          .filter(file -> file.toString().endsWith(".java"))
          .forEach(file -> SOURCES.put(file.getFileName().toString().replace(".java", ""), file));
    }
  }

  @Test
  void every_case_has_a_row() {
    assertThat(CASES.keySet())
        .containsExactlyElementsOf(
            IntStream.rangeClosed(1, 50).mapToObj("N%02d"::formatted).toList());
  }

  @Test
  void every_test_that_is_named_exists_and_is_one() throws IOException {
    List<String> missing = new ArrayList<>();
    for (Map.Entry<String, List<String>> one : CASES.entrySet()) {
      for (String test : one.getValue()) {
        if (!exists(test)) {
          missing.add(one.getKey() + " " + test);
        }
      }
    }
    assertThat(missing).isEmpty();
  }

  /** A method after an annotation that makes it a test. */
  private static boolean exists(String test) throws IOException {
    String[] parts = test.split("#", 2);
    Path source = SOURCES.get(parts[0]);
    return parts.length == 2
        && source != null
        && Pattern.compile(
                "@(Test|ParameterizedTest|RepeatedTest)\\b(?:(?!\\bvoid\\b).)*?\\bvoid "
                    + Pattern.quote(parts[1])
                    + "\\(",
                Pattern.DOTALL)
            .matcher(Files.readString(source))
            .find();
  }
}
