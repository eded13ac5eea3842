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
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A list in src/test/resources: number | what it is | the tests of it (Class#method, ...). */
final class ScenarioIndex {
  private final Map<String, List<String>> rows = new LinkedHashMap<>();
  private final Map<String, Path> sources = new HashMap<>();

  private ScenarioIndex() {}

  /**
   * Reads a list in which no number stands twice.
   *
   * @param number a pattern
   */
  static ScenarioIndex read(String file, String number) throws IOException {
    Pattern form = Pattern.compile("(" + number + ") \\| ([^|]+) \\| ([^|]+)");
    ScenarioIndex index = new ScenarioIndex();
    for (String line : Files.readAllLines(Path.of("src/test/resources", file))) {
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      Matcher row = form.matcher(line);
      assertThat(row.matches()).as(line).isTrue();
      List<String> tests = Arrays.stream(row.group(3).split(",")).map(String::strip).toList();
      assertThat(index.rows.put(row.group(1), tests)).as("before: " + line).isNull();
    }
    try (Stream<Path> files = Files.walk(Path.of("src/test/java"))) {
      files
          .filter(path -> path.toString().endsWith(".java"))
          .forEach(
              path -> index.sources.put(path.getFileName().toString().replace(".java", ""), path));
    }
    return index;
  }

  Set<String> numbers() {
    return rows.keySet();
  }

  /** Links to nothing, with their numbers. */
  List<String> missing() throws IOException {
    List<String> missing = new ArrayList<>();
    for (Map.Entry<String, List<String>> one : rows.entrySet()) {
      for (String test : one.getValue()) {
        if (!exists(test)) {
          missing.add(one.getKey() + " " + test);
        }
      }
    }
    return missing;
  }

  /** A method after an annotation that makes it a test. */
  private boolean exists(String test) throws IOException {
    String[] parts = test.split("#", 2);
    Path source = sources.get(parts[0]);
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
