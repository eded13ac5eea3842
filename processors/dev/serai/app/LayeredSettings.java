package dev.serai.app;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Defaults from the shipped application.properties, then a file, then the environment, then what
 * the command line or a test sets. Only keys that the shipped file explains exist; {@code camel.*}
 * keys in a file are handed to Camel, which refuses those it does not know.
 */
public final class LayeredSettings implements Settings {
  static final String DEFAULTS = "config/application.properties";
  private static final String CAMEL = "camel.";
  private static final Pattern DURATION = Pattern.compile("(\\d{1,12})\\s*(ms|s|m|h|d)");

  /** A century; nanoseconds of more are no number any more. */
  private static final Duration LONGEST = Duration.ofDays(36_500);

  private final SortedMap<String, Value> values;

  /** A value and where it came from, for messages. */
  private record Value(String text, String source) {}

  private LayeredSettings(SortedMap<String, Value> values) {
    this.values = values;
  }

  /** Reads all layers. @throws RefusalException CONFIGURATION_INVALID naming file and key */
  public static LayeredSettings load(
      Optional<Path> file, Map<String, String> environment, Map<String, String> overrides) {
    SortedMap<String, Value> values = new TreeMap<>();
    shipped().forEach((key, text) -> values.put(key, new Value(text, "default")));
    file.ifPresent(path -> readFile(path, values));
    for (String key : List.copyOf(values.keySet())) {
      String name = environmentName(key);
      String text = environment.get(name);
      if (text != null) {
        values.put(key, new Value(text.trim(), "environment " + name));
      }
    }
    overrides.forEach(
        (key, text) -> {
          requireKnown(key, "command line", values);
          values.put(key, new Value(text.trim(), "command line"));
        });
    return new LayeredSettings(values);
  }

  /** The shipped keys and defaults. */
  static Map<String, String> shipped() {
    try (InputStream in = LayeredSettings.class.getClassLoader().getResourceAsStream(DEFAULTS)) {
      if (in == null) {
        throw new IllegalStateException(DEFAULTS + " is not in the jar");
      }
      return parse(new InputStreamReader(in, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new IllegalStateException(DEFAULTS + " cannot be read", e);
    }
  }

  private static void readFile(Path path, SortedMap<String, Value> values) {
    Map<String, String> read;
    try (Reader in = Files.newBufferedReader(path)) {
      read = parse(in);
    } catch (IOException | IllegalArgumentException e) {
      throw invalid("cannot read " + path + ": " + e.getMessage());
    }
    read.forEach(
        (key, text) -> {
          if (!key.startsWith(CAMEL)) {
            requireKnown(key, path.toString(), values);
          }
          values.put(key, new Value(text, path.toString()));
        });
  }

  private static Map<String, String> parse(Reader in) throws IOException {
    Properties properties = new Properties();
    properties.load(in);
    Map<String, String> read = new TreeMap<>();
    properties.forEach((key, text) -> read.put(key.toString(), text.toString().trim()));
    return read;
  }

  private static void requireKnown(String key, String source, Map<String, Value> values) {
    if (!values.containsKey(key)) {
      throw invalid(
          "unknown key "
              + key
              + " in "
              + source
              + nearest(key, values).map(n -> "; did you mean " + n + "?").orElse(""));
    }
  }

  private static Optional<String> nearest(String key, Map<String, Value> values) {
    String last = key.substring(key.lastIndexOf('.') + 1);
    return values.keySet().stream()
        .filter(known -> known.endsWith("." + last) || (known.startsWith(key) && !key.isEmpty()))
        .findFirst();
  }

  /** SERAI_ISSUER_PORT for serai.issuer.port. */
  static String environmentName(String key) {
    return key.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
  }

  /** Gives an empty key its derived value. */
  void derive(String key, String text, String source) {
    if (optionalText(key).isEmpty()) {
      values.put(key, new Value(text, source));
    }
  }

  /** Every key with its value, for the placeholders in routes. */
  Map<String, String> all() {
    Map<String, String> all = new TreeMap<>();
    values.forEach((key, value) -> all.put(key, value.text()));
    return Collections.unmodifiableMap(all);
  }

  @Override
  public String text(String key) {
    return optionalText(key)
        .orElseThrow(
            () -> invalid(key + " has no value; set it with --config or " + environmentName(key)));
  }

  @Override
  public Optional<String> optionalText(String key) {
    return Optional.ofNullable(values.get(key)).map(Value::text).filter(text -> !text.isBlank());
  }

  @Override
  public int integer(String key) {
    String text = text(key);
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw mistyped(key, "a whole number");
    }
  }

  @Override
  public boolean flag(String key) {
    return switch (text(key)) {
      case "true" -> true;
      case "false" -> false;
      default -> throw mistyped(key, "true or false");
    };
  }

  @Override
  public Duration duration(String key) {
    Matcher parts = DURATION.matcher(text(key));
    if (!parts.matches()) {
      throw mistyped(key, "a duration such as 250ms, 10s, 5m or 1h");
    }
    long amount = Long.parseLong(parts.group(1));
    Duration duration =
        switch (parts.group(2)) {
          case "ms" -> Duration.ofMillis(amount);
          case "s" -> Duration.ofSeconds(amount);
          case "m" -> Duration.ofMinutes(amount);
          case "h" -> Duration.ofHours(amount);
          default -> Duration.ofDays(amount);
        };
    if (duration.compareTo(LONGEST) > 0) {
      throw mistyped(key, "a duration of at most " + LONGEST.toDays() + "d");
    }
    return duration;
  }

  @Override
  public List<String> list(String key) {
    return optionalText(key)
        .map(
            text ->
                Arrays.stream(text.split(","))
                    .map(String::trim)
                    .filter(item -> !item.isEmpty())
                    .toList())
        .orElse(List.of());
  }

  private RefusalException mistyped(String key, String wanted) {
    Value value = values.get(key);
    return invalid(
        "%s from %s is \"%s\", which is not %s"
            .formatted(key, value.source(), value.text(), wanted));
  }

  static RefusalException invalid(String detail) {
    return new RefusalException(ReasonCode.CONFIGURATION_INVALID, detail);
  }
}
