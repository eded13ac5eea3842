package dev.serai.app;

import dev.serai.agent.AgentRole;
import dev.serai.enrolment.RegistrarRole;
import dev.serai.gate.GateRole;
import dev.serai.issuing.IssuerRole;
import dev.serai.role.Role;
import dev.serai.sensor.SensorRole;
import dev.serai.watching.VerifierRole;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** The roles there are, in the order in which they are bound. */
final class RoleCatalog {
  /**
   * Issuer first: the others take their identity from it when they share its process. A role's
   * class is loaded when the role is made, so that a verifier starts on a machine without libtss2.
   */
  private static final Map<String, Supplier<Role>> MAKERS = new LinkedHashMap<>();

  static {
    MAKERS.put("issuer", IssuerRole::new);
    MAKERS.put("registrar", RegistrarRole::new);
    MAKERS.put("verifier", VerifierRole::new);
    MAKERS.put("sensor", SensorRole::new);
    MAKERS.put("agent", AgentRole::new);
    MAKERS.put("gate", GateRole::new);
  }

  /** As serai.roles and the folders of routes name them. */
  static final List<String> NAMES = List.copyOf(MAKERS.keySet());

  /** What is left of all roles where nodes do not attest with their TPM. */
  private static final List<String> PLAIN = List.of("issuer");

  private RoleCatalog() {}

  /** What serai.roles says; all of a plain issuer is the issuer. */
  static List<String> wanted(LayeredSettings settings) {
    List<String> named = settings.list("serai.roles");
    boolean plain = !settings.flag("serai.feature.unified-identity");
    return plain && named.equals(List.of("all")) ? PLAIN : named;
  }

  /** The names of those there are; what is no role is left out. */
  static Set<String> known(List<String> wanted) {
    return wanted.contains("all")
        ? Set.copyOf(NAMES)
        : wanted.stream().filter(NAMES::contains).collect(Collectors.toUnmodifiableSet());
  }

  /** The roles named by serai.roles. @throws RuntimeException CONFIGURATION_INVALID */
  static List<Role> named(List<String> wanted) {
    boolean all = wanted.equals(List.of("all"));
    if (wanted.isEmpty()) {
      throw LayeredSettings.invalid("serai.roles names no role; there are " + NAMES);
    }
    for (String name : wanted) {
      if (!all && !MAKERS.containsKey(name)) {
        throw LayeredSettings.invalid("serai.roles: no role " + name + "; there are " + NAMES);
      }
    }
    List<Role> roles = new ArrayList<>();
    MAKERS.forEach(
        (name, maker) -> {
          if (all || wanted.contains(name)) {
            roles.add(maker.get());
          }
        });
    return List.copyOf(roles);
  }
}
