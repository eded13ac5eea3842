package dev.serai.role;

import dev.serai.reason.Reason;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * How a role is doing, asked by health and readiness. A role binds one under {@code
 * roleHealth-<role>}; without one it is ready as soon as its routes run.
 */
@FunctionalInterface
public interface RoleHealth {

  /** From memory: answers at once and never waits for a TPM, a peer or a disk. */
  Standing standing();

  /**
   * A role's own view of itself.
   *
   * @param state a word of its own, for instance ATTESTED or WAITING
   * @param notReady why it does not do its job yet; empty when it is ready
   * @param facts further short facts for people, by name; no secrets
   */
  record Standing(String state, Optional<Reason> notReady, Map<String, String> facts) {
    public Standing {
      facts = Map.copyOf(facts);
    }

    public static Standing ready(String state) {
      return new Standing(state, Optional.empty(), Map.of());
    }

    public static Standing waiting(String state, Reason reason) {
      return new Standing(state, Optional.of(reason), Map.of());
    }

    public Standing with(String name, String fact) {
      Map<String, String> more = new TreeMap<>(facts);
      more.put(name, fact);
      return new Standing(state, notReady, more);
    }
  }
}
