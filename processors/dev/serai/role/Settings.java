package dev.serai.role;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The configuration as typed values. Keys are explained in config/application.properties; a file
 * given with --config and environment variables (SERAI_ISSUER_PORT for serai.issuer.port) override
 * it. A value that does not parse is a start-up error naming key and source.
 */
public interface Settings {

  /**
   * @throws RuntimeException CONFIGURATION_INVALID when the key has no value
   */
  String text(String key);

  /** Empty when unset or blank. */
  Optional<String> optionalText(String key);

  int integer(String key);

  boolean flag(String key);

  /** For instance 10s, 5m, 1h, 250ms. */
  Duration duration(String key);

  /** Comma separated, trimmed, empty items dropped. */
  List<String> list(String key);
}
