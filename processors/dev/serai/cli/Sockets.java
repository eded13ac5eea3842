package dev.serai.cli;

import java.nio.file.Path;
import java.util.Optional;

/** The configuration of a process, as the commands that talk to it need it. */
public interface Sockets {
  /** The value of a key of the configuration table, derived ones included. */
  String value(Optional<Path> config, String key);

  /** The same, empty when it has none. */
  Optional<String> optional(Optional<Path> config, String key);

  /** Where the process takes a reload. */
  Path controlSocket(Optional<Path> config);
}
