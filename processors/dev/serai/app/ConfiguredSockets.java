package dev.serai.app;

import dev.serai.cli.Sockets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Where a process of this configuration listens, for the commands that talk to it. */
final class ConfiguredSockets implements Sockets {
  @Override
  public String value(Optional<Path> config, String key) {
    return settings(config).text(key);
  }

  @Override
  public Optional<String> optional(Optional<Path> config, String key) {
    return settings(config).optionalText(key);
  }

  private static LayeredSettings settings(Optional<Path> config) {
    LayeredSettings settings = LayeredSettings.load(config, System.getenv(), Map.of());
    settings
        .optionalText("serai.state-dir")
        .ifPresent(dir -> DerivedSettings.fill(settings, Path.of(dir).toAbsolutePath(), Set.of()));
    return settings;
  }
}
