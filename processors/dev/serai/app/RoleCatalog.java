package dev.serai.app;

import dev.serai.role.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/** The roles there are, in the order in which they are bound. */
final class RoleCatalog {
  /** Issuer first: the others take their identity from it when they share its process. */
  static final List<String> NAMES = List.of("issuer", "registrar", "verifier", "sensor", "agent");

  private static final Map<String, String> CLASSES =
      Map.of(
          "issuer", "dev.serai.issuing.IssuerRole",
          "registrar", "dev.serai.enrolment.RegistrarRole",
          "verifier", "dev.serai.watching.VerifierRole",
          "agent", "dev.serai.agent.AgentRole");

  private RoleCatalog() {}

  /** The roles named by serai.roles. @throws RuntimeException CONFIGURATION_INVALID */
  static List<Role> named(List<String> wanted) {
    boolean all = wanted.equals(List.of("all"));
    if (!all) {
      for (String name : wanted) {
        if (!CLASSES.containsKey(name)) {
          throw LayeredSettings.invalid(
              "serai.roles: no role " + name + "; there are " + new TreeSet<>(CLASSES.keySet()));
        }
      }
    }
    List<Role> roles = new ArrayList<>();
    for (String name : NAMES) {
      if (all || wanted.contains(name)) {
        make(name).ifPresent(roles::add);
      }
    }
    if (roles.isEmpty()) {
      throw LayeredSettings.invalid("serai.roles names no role");
    }
    return List.copyOf(roles);
  }

  private static Optional<Role> make(String name) {
    try {
      return Optional.of(
          (Role) Class.forName(CLASSES.get(name)).getDeclaredConstructor().newInstance());
    } catch (ReflectiveOperationException | NullPointerException e) {
      return Optional.empty();
    }
  }
}
