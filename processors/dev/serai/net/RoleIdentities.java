package dev.serai.net;

/** The bean {@code roleIdentities}: identities of the roles of this process. */
public interface RoleIdentities {

  /**
   * @param role for instance verifier, whose id is {@code spiffe://<td>/serai/verifier}
   */
  MaterialSource forRole(String role);
}
