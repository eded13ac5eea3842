package dev.serai.net;

import dev.serai.rpc.TlsIdentity;
import dev.serai.spiffe.SpiffeId;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.Supplier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;

/**
 * Makes TLS contexts, one per connection. A context that lived longer would resume sessions under
 * an identity or a bundle that has been replaced since.
 */
public final class TlsContexts {
  private static final SecureRandom RANDOM = new SecureRandom();

  private TlsContexts() {}

  /**
   * For a listener: shows the source's identity; a client that shows a certificate must lead to the
   * source's bundle and be accepted.
   */
  public static TlsIdentity server(MaterialSource source, Predicate<SpiffeId> clients) {
    return () -> mutual(source, clients);
  }

  /** For connections: shows the source's identity, checks the server. */
  public static Supplier<SSLContext> client(MaterialSource source, Predicate<SpiffeId> servers) {
    return () -> mutual(source, servers);
  }

  /** For connections made before this process has an identity: shows none, checks the server. */
  public static Supplier<SSLContext> bundleOnly(
      Supplier<List<X509Certificate>> bundle, SpiffeId server) {
    return () -> {
      List<X509Certificate> authorities = bundle.get();
      if (authorities.isEmpty()) {
        throw new IllegalStateException("there is no trust bundle yet");
      }
      return of(
          null, SpiffeTrustManager.ofDomain(server.trustDomain(), authorities, server::equals));
    };
  }

  private static SSLContext mutual(MaterialSource source, Predicate<SpiffeId> peers) {
    X509Material material =
        source.current().orElseThrow(() -> new IllegalStateException("there is no identity yet"));
    return of(new SpiffeKeyManager(material), SpiffeTrustManager.of(material, peers));
  }

  /** The key manager is null for a client that shows no certificate. */
  static SSLContext of(KeyManager keys, TrustManager trust) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(
          keys == null ? new KeyManager[0] : new KeyManager[] {keys},
          new TrustManager[] {trust},
          RANDOM);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("the JDK has no TLS", e);
    }
  }
}
