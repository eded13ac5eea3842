package dev.serai.role;

/**
 * One capability's wiring: makes its beans and binds the names that its routes use. Called once,
 * before the routes are loaded. Whatever it opens it hands to {@link RoleContext#onStop}.
 */
public interface Role {

  /** registrar, verifier, issuer, agent, sensor. */
  String name();

  void bind(RoleContext context);
}
