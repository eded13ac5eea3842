package dev.serai.testing;

import dev.serai.net.MaterialSource;
import dev.serai.net.RoleIdentities;
import dev.serai.net.TlsContexts;
import dev.serai.net.X509Material;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.spiffe.SpiffeId;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.SSLContext;

/**
 * Identities of a test's own authority, for roles that run without an issuer: add it to a harness
 * with {@code withRole}. Whoever the test plays gets one too.
 */
public final class GivenIdentities implements Role, RoleIdentities {
  private final TestAuthority authority;
  private final Map<String, X509Material> made = new ConcurrentHashMap<>();
  private final Set<String> away = ConcurrentHashMap.newKeySet();

  public GivenIdentities(TestAuthority authority) {
    this.authority = authority;
  }

  @Override
  public String name() {
    return "identities";
  }

  @Override
  public void bind(RoleContext context) {
    context.camel().getRegistry().unbind("roleIdentities");
    context.bind("roleIdentities", this);
  }

  /** This path has no identity and no bundle meanwhile. */
  public void away(String path, boolean now) {
    if (now) {
      away.add(path);
    } else {
      away.remove(path);
    }
  }

  @Override
  public MaterialSource forRole(String role) {
    return of("/serai/" + role);
  }

  /** The identity of any path. */
  public MaterialSource of(String path) {
    X509Material material = made.computeIfAbsent(path, authority::material);
    return new MaterialSource() {
      @Override
      public Optional<X509Material> current() {
        return away.contains(path) ? Optional.empty() : Optional.of(material);
      }

      @Override
      public AutoCloseable onChange(Runnable action) {
        return () -> {};
      }
    };
  }

  /** For a client that plays this path and speaks to that one. */
  public SSLContext client(String path, String server) {
    SpiffeId expected = made.computeIfAbsent(server, authority::material).id();
    return TlsContexts.client(of(path), expected::equals).get();
  }

  /** For a server that plays this path and lets that one in. */
  public SSLContext server(String path, String client) {
    SpiffeId expected = made.computeIfAbsent(client, authority::material).id();
    return TlsContexts.server(of(path), expected::equals).serverContext();
  }
}
