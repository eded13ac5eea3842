package dev.serai.app;

import java.util.HashMap;
import java.util.Map;

/** What {@code --feature NAME=true|false} sets. */
final class Features {
  private static final Map<String, String> KEYS =
      Map.of("unified_identity", "serai.feature.unified-identity");

  private Features() {}

  /**
   * As keys of the configuration.
   *
   * @throws RuntimeException CONFIGURATION_INVALID for a name or value there is not
   */
  static Map<String, String> settings(Map<String, String> features) {
    Map<String, String> settings = new HashMap<>();
    features.forEach(
        (name, value) -> {
          String key = KEYS.get(name);
          if (key == null) {
            throw LayeredSettings.invalid(
                "--feature: no feature " + name + "; there are " + KEYS.keySet());
          }
          if (!value.equals("true") && !value.equals("false")) {
            throw LayeredSettings.invalid("--feature %s: true or false is needed".formatted(name));
          }
          settings.put(key, value);
        });
    return settings;
  }
}
