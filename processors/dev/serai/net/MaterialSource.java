package dev.serai.net;

import java.util.Optional;

/** Where the current identity of this process, or of one of its roles, is found. */
public interface MaterialSource {

  /** From memory, never waits; empty until there is an identity. */
  Optional<X509Material> current();

  /**
   * Runs the action after each change, on the thread that made it; the action must not block.
   *
   * @return close it to be left alone
   */
  AutoCloseable onChange(Runnable action);
}
