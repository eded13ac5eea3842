package dev.serai.net;

import dev.serai.reason.Reason;
import java.util.Optional;

/** The bean {@code roleIdentities}: identities of the roles of this process. */
public interface RoleIdentities {

  /**
   * @param role for instance verifier, whose id is {@code spiffe://<td>/serai/verifier}
   */
  MaterialSource forRole(String role);

  /** Why a role that is to have an identity has none that is good now; empty when all is well. */
  default Optional<Reason> missing(String role) {
    return Optional.empty();
  }
}
