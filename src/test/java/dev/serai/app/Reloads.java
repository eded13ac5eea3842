package dev.serai.app;

import dev.serai.reason.Reason;
import dev.serai.testing.SeraiHarness;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Reloads a process of a test as {@code serai reload} does, for tests of other packages. */
public final class Reloads {
  private final SeraiHarness serai;
  private final Reloader reloader;

  /** What came of it, for people, and why nothing was changed. */
  public record Outcome(List<String> applied, Optional<Reason> refused) {}

  /** With the configuration that the process was started with; files are read again. */
  public Reloads(SeraiHarness serai) {
    this.serai = serai;
    this.reloader = new Reloader(serai.process(), this::read);
  }

  private LayeredSettings read() {
    Map<String, String> values = new TreeMap<>(serai.process().effective().all());
    values.keySet().removeIf(key -> key.startsWith("camel."));
    return LayeredSettings.read(Optional.empty(), Map.of(), values);
  }

  public Outcome reload() {
    Reloader.Outcome outcome = reloader.reload();
    return new Outcome(outcome.applied(), outcome.refused());
  }
}
