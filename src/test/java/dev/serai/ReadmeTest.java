package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.reason.ReasonCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What the README says of keys, defaults and reasons is what the product has. */
class ReadmeTest {
  private static final Pattern ROW =
      Pattern.compile("(?m)^\\| `(serai\\.[a-z0-9.-]+)` \\| (.*?) \\|");
  private static final Pattern KEY = Pattern.compile("(?m)^(serai\\.[a-z0-9.-]+)=(.*)$");

  @Test
  void the_configuration_table_has_every_key_with_its_default() throws IOException {
    String readme = Files.readString(Path.of("README.md"));
    assertThat(rows(ROW, readme))
        .containsExactlyElementsOf(
            rows(KEY, Files.readString(Path.of("config/application.properties"))));
  }

  @Test
  void the_troubleshooting_table_has_every_reason_with_its_remedy() throws IOException {
    String readme = Files.readString(Path.of("README.md"));
    for (ReasonCode code : ReasonCode.values()) {
      assertThat(readme)
          .contains(
              "| `%s` | %s | %s | %s |"
                  .formatted(code, code.what(), code.likelyCause(), code.remedy()));
    }
  }

  @Test
  void tests_named_in_the_trust_model_exist() throws IOException {
    Matcher names =
        Pattern.compile("`([A-Z][A-Za-z]+Test)`").matcher(Files.readString(Path.of("DESIGN.md")));
    List<String> named = new ArrayList<>();
    while (names.find()) {
      named.add(names.group(1));
    }
    List<String> present = new ArrayList<>();
    try (var files = Files.walk(Path.of("src/test/java"))) {
      files.forEach(file -> present.add(file.getFileName().toString().replace(".java", "")));
    }
    assertThat(named).isNotEmpty();
    assertThat(present).containsAll(named);
  }

  /** "key = default" for each match, in order. */
  private static List<String> rows(Pattern pattern, String text) {
    List<String> rows = new ArrayList<>();
    Matcher matcher = pattern.matcher(text);
    while (matcher.find()) {
      String value = matcher.group(2).strip();
      rows.add(matcher.group(1) + " = " + value.replaceAll("^`|`$", ""));
    }
    return rows;
  }
}
