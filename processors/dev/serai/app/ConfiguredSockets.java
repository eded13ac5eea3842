package dev.serai.app;

import dev.serai.cli.Sockets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Where a process of this configuration listens, for the commands that talk to it. Without a
 * configuration it is that of the service, else that of this user's demo.
 */
final class ConfiguredSockets implements Sockets {
  @Override
  public String value(Optional<Path> config, String key) {
    return settings(config).text(key);
  }

  @Override
  public Optional<String> optional(Optional<Path> config, String key) {
    return settings(config).optionalText(key);
  }

  @Override
  public Path controlSocket(Optional<Path> config) {
    return Path.of(settings(config).text("serai.run-dir")).resolve(DerivedSettings.CONTROL_SOCKET);
  }

  private static LayeredSettings settings(Optional<Path> config) {
    LayeredSettings settings =
        LayeredSettings.load(config.or(() -> usual(System.getenv())), System.getenv(), Map.of());
    settings
        .optionalText("serai.state-dir")
        .ifPresent(dir -> DerivedSettings.fill(settings, Path.of(dir).toAbsolutePath(), Set.of()));
    return settings;
  }

  /** Nothing when the environment names a state directory: then that is meant. */
  static Optional<Path> usual(Map<String, String> environment) {
    if (environment.containsKey("SERAI_STATE_DIR")) {
      return Optional.empty();
    }
    return Stream.of(
            Path.of("/etc/serai/serai.properties"),
            DemoCommand.home(environment).resolve(DemoCommand.CONFIGURATION))
        .filter(Files::isReadable)
        .findFirst();
  }
}
