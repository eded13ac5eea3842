package dev.serai.net;

import java.util.Optional;
import java.util.function.Supplier;

/**
 * The identity of a role, looked up when it is needed: listeners and clients are wired before the
 * role has one, and before it is known who gives it.
 */
public final class LateIdentity implements MaterialSource {
  private final Supplier<Optional<RoleIdentities>> identities;
  private final String role;

  /**
   * @param identities finds the bean roleIdentities, or nothing as long as nobody bound it
   */
  public LateIdentity(Supplier<Optional<RoleIdentities>> identities, String role) {
    this.identities = identities;
    this.role = role;
  }

  @Override
  public Optional<X509Material> current() {
    return identities.get().flatMap(found -> found.forRole(role).current());
  }

  /** Tells of changes once somebody gives identities; before that there is nothing to tell. */
  @Override
  public AutoCloseable onChange(Runnable action) {
    Optional<RoleIdentities> found = identities.get();
    if (found.isEmpty()) {
      return () -> {};
    }
    return found.get().forRole(role).onChange(action);
  }
}
