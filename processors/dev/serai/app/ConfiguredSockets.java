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
    LayeredSettings settings = LayeredSettings.load(config, System.getenv(), Map.of());
    settings
        .optionalText("serai.state-dir")
        .ifPresent(dir -> DerivedSettings.fill(settings, Path.of(dir).toAbsolutePath(), Set.of()));
    return settings.text(key);
  }
}
