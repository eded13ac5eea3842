package dev.serai.cli;

import java.nio.file.Path;
import java.util.Optional;

/** Where a process of a given configuration listens. */
@FunctionalInterface
public interface Sockets {
  /** The value of a key of the configuration table, derived ones included. */
  String value(Optional<Path> config, String key);
}
