package dev.serai.app;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;

/** A file of {@link Properties}, with the number of the line on which each key stands. */
final class PropertyLines {
  private static final int MAX_SIZE = 1 << 20;

  private PropertyLines() {}

  /** malformed: what is wrong with the line; then key and text are empty. */
  record Line(int number, String key, String text, Optional<String> malformed) {}

  /** In the order of the file, a key that stands twice included. */
  static List<Line> read(Path file) throws IOException {
    if (Files.size(file) > MAX_SIZE) {
      throw new IOException("larger than 1 MiB");
    }
    List<String> natural;
    try {
      natural = Files.readAllLines(file);
    } catch (CharacterCodingException e) {
      throw new IOException("not UTF-8 text", e);
    }
    List<Line> lines = new ArrayList<>();
    for (int i = 0; i < natural.size(); i++) {
      String first = natural.get(i).stripLeading();
      if (first.isEmpty() || first.startsWith("#") || first.startsWith("!")) {
        continue;
      }
      int number = i + 1;
      StringBuilder logical = new StringBuilder(first);
      while (goesOn(logical) && i + 1 < natural.size()) {
        logical.append('\n').append(natural.get(++i));
      }
      lines.add(parse(number, logical.toString()));
    }
    return lines;
  }

  /** An odd number of backslashes at the end. */
  private static boolean goesOn(CharSequence line) {
    int backslashes = 0;
    while (backslashes < line.length() && line.charAt(line.length() - 1 - backslashes) == '\\') {
      backslashes++;
    }
    return backslashes % 2 == 1;
  }

  private static Line parse(int number, String logical) throws IOException {
    Properties one = new Properties();
    try {
      one.load(new StringReader(logical));
    } catch (IllegalArgumentException e) {
      return new Line(number, "", "", Optional.of(e.getMessage()));
    }
    String key = one.stringPropertyNames().stream().findFirst().orElse("");
    return new Line(number, key, one.getProperty(key, "").trim(), Optional.empty());
  }
}
