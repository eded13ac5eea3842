package dev.serai.app;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Defaults from the shipped application.properties, then a file, then the environment, then what
 * the command line or a test sets. Only keys that the shipped file explains exist, each with the
 * type that {@link ConfigModel} gives it; {@code camel.*} keys in a file are handed to Camel, which
 * refuses those it does not know.
 */
public final class LayeredSettings implements Settings {
  static final String DEFAULTS = "config/application.properties";
  private static final String CAMEL = "camel.";
  private static final String VARIABLES = "SERAI_";
  private static final String NO_VALUE = "has no value";
  private static final Pattern CREDENTIAL_NAME =
      Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}");

  private final SortedMap<String, Value> values;
  private final List<String> problems = new ArrayList<>();

  /** A value and where it came from. */
  record Value(String text, Origin origin) {}

  /**
   * Where a value came from.
   *
   * @param kind default, file, environment, command line or derived
   * @param detail file with line, or the variable's name; empty when there is no more to say
   */
  record Origin(String kind, String detail) {
    @Override
    public String toString() {
      return detail.isEmpty() ? kind : detail;
    }
  }

  private LayeredSettings(SortedMap<String, Value> values) {
    this.values = values;
  }

  /**
   * Reads all layers.
   *
   * @throws RefusalException CONFIGURATION_INVALID with a line for each problem: key, where it
   *     stands and what is wrong with it
   */
  public static LayeredSettings load(
      Optional<Path> file, Map<String, String> environment, Map<String, String> overrides) {
    LayeredSettings settings = read(file, environment, overrides);
    if (!settings.problems.isEmpty()) {
      throw invalid(String.join("\n", settings.problems));
    }
    return settings;
  }

  /**
   * The same, with what is wrong in {@link #problems}.
   *
   * @throws RefusalException CONFIGURATION_INVALID when the file cannot be read
   */
  static LayeredSettings read(
      Optional<Path> file, Map<String, String> environment, Map<String, String> overrides) {
    LayeredSettings settings = new LayeredSettings(new TreeMap<>());
    Origin shipped = new Origin("default", "");
    shipped().forEach((key, text) -> settings.values.put(key, new Value(text, shipped)));
    file.ifPresent(settings::readFile);
    settings.readEnvironment(environment);
    overrides.forEach(
        (key, text) -> {
          if (settings.isKnown(key, "the command line")) {
            settings.values.put(key, new Value(text.trim(), new Origin("command line", "")));
          }
        });
    settings.checkTypes(environment);
    return settings;
  }

  /** Everything wrong with single values, a line each. */
  List<String> problems() {
    return List.copyOf(problems);
  }

  /** The shipped keys and defaults. */
  static Map<String, String> shipped() {
    try (InputStream in = LayeredSettings.class.getClassLoader().getResourceAsStream(DEFAULTS)) {
      if (in == null) {
        throw new IllegalStateException(DEFAULTS + " is not in the jar");
      }
      Properties properties = new Properties();
      properties.load(new InputStreamReader(in, StandardCharsets.UTF_8));
      Map<String, String> read = new TreeMap<>();
      properties.forEach((key, text) -> read.put(key.toString(), text.toString().trim()));
      return read;
    } catch (IOException e) {
      throw new IllegalStateException(DEFAULTS + " cannot be read", e);
    }
  }

  private void readFile(Path path) {
    List<PropertyLines.Line> lines;
    try {
      lines = PropertyLines.read(path);
    } catch (IOException e) {
      throw invalid("cannot read " + path + ": " + e.getMessage());
    }
    Map<String, PropertyLines.Line> seen = new HashMap<>();
    for (PropertyLines.Line line : lines) {
      String where = path + ":" + line.number();
      if (line.malformed().isPresent()) {
        problems.add(where + ": " + line.malformed().get());
        continue;
      }
      PropertyLines.Line before = seen.put(line.key(), line);
      if (before != null && !before.text().equals(line.text())) {
        problems.add(
            "%s stands twice with different values: %s and line %d"
                .formatted(line.key(), where, before.number()));
      }
      if (line.key().startsWith(CAMEL) || isKnown(line.key(), where)) {
        values.put(line.key(), new Value(line.text(), new Origin("file", where)));
      }
    }
  }

  private void readEnvironment(Map<String, String> environment) {
    Map<String, String> names = new TreeMap<>(environment);
    for (String key : List.copyOf(values.keySet())) {
      String name = environmentName(key);
      String text = names.remove(name);
      if (text != null) {
        values.put(key, new Value(text.trim(), new Origin("environment", "environment " + name)));
      }
    }
    names.keySet().stream()
        .filter(name -> name.startsWith(VARIABLES))
        .forEach(
            name ->
                problems.add(
                    "unknown variable %s in the environment: no key has that name%s"
                        .formatted(name, serviceLinks(name, names.get(name)))));
  }

  /** Kubernetes gives every pod variables named after the services beside it. */
  private static String serviceLinks(String name, String text) {
    return text.startsWith("tcp://") || name.matches(".*_(SERVICE|PORT)_.*")
        ? "; it looks like a Kubernetes service link: set enableServiceLinks: false"
        : "";
  }

  private boolean isKnown(String key, String source) {
    boolean known = values.containsKey(key);
    if (!known) {
      problems.add(
          "unknown key "
              + key
              + " in "
              + source
              + nearest(key).map(n -> "; did you mean " + n + "?").orElse(""));
    }
    return known;
  }

  private Optional<String> nearest(String key) {
    String last = key.substring(key.lastIndexOf('.') + 1);
    return values.keySet().stream()
        .filter(known -> known.endsWith("." + last) || (known.startsWith(key) && !key.isEmpty()))
        .findFirst();
  }

  private void checkTypes(Map<String, String> environment) {
    for (String key : List.copyOf(values.keySet())) {
      Optional<ConfigType> type = ConfigModel.type(key);
      Value value = values.get(key);
      if (type.isEmpty()) {
        continue;
      }
      if (value.text().isBlank()) {
        if (!type.get().blank()) {
          problems.add(key + " from " + value.origin() + " " + NO_VALUE);
        }
      } else if (type.get().credential() && value.text().startsWith(ConfigType.CREDENTIAL)) {
        resolveCredential(key, value, environment);
      } else if (!type.get().accepts().test(value.text())) {
        problems.add(
            "%s from %s is \"%s\", which is not %s%s"
                .formatted(
                    key,
                    value.origin(),
                    shown(value.text()),
                    type.get().wanted(),
                    value.origin().kind().equals("environment")
                        ? serviceLinks("", value.text())
                        : ""));
      }
    }
  }

  private static String shown(String text) {
    return text.length() > 80 ? text.substring(0, 80) + "..." : text;
  }

  /** systemd.exec(5), LoadCredential=: a file of that name in the directory it names. */
  private void resolveCredential(String key, Value value, Map<String, String> environment) {
    String name = value.text().substring(ConfigType.CREDENTIAL.length());
    String directory = environment.getOrDefault("CREDENTIALS_DIRECTORY", "");
    if (!CREDENTIAL_NAME.matcher(name).matches()) {
      problems.add("%s from %s names no credential".formatted(key, value.origin()));
    } else if (directory.isEmpty()) {
      problems.add(
          "%s from %s is %s, but CREDENTIALS_DIRECTORY is not set"
              .formatted(key, value.origin(), value.text()));
    } else if (!Files.isReadable(Path.of(directory, name))) {
      problems.add(
          "%s from %s: there is no credential %s in %s"
              .formatted(key, value.origin(), name, directory));
    } else {
      values.put(
          key,
          new Value(
              Path.of(directory, name).toString(),
              new Origin(value.origin().kind(), value.origin() + ", " + value.text())));
    }
  }

  /** Whether the file of this key is held by the service manager. */
  boolean isCredential(String key) {
    return values.get(key).origin().detail().contains(", " + ConfigType.CREDENTIAL);
  }

  /** SERAI_ISSUER_PORT for serai.issuer.port. */
  static String environmentName(String key) {
    return key.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
  }

  /** Gives an empty key its derived value. */
  void derive(String key, String text) {
    if (optionalText(key).isEmpty()) {
      values.put(key, new Value(text, new Origin("derived", "")));
    }
  }

  /** Where the value of a key stands. */
  String where(String key) {
    return values.get(key).origin().toString();
  }

  /** Every key with value and origin, by name. */
  SortedMap<String, Value> values() {
    return Collections.unmodifiableSortedMap(values);
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
            () ->
                invalid(
                    "%s %s; set it with --config or %s"
                        .formatted(key, NO_VALUE, environmentName(key))));
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
    return ConfigType.parseDuration(text(key))
        .orElseThrow(() -> mistyped(key, "a duration such as 250ms, 10s, 5m or 1h"));
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
            .formatted(key, value.origin(), value.text(), wanted));
  }

  static RefusalException invalid(String detail) {
    return new RefusalException(ReasonCode.CONFIGURATION_INVALID, detail);
  }
}
