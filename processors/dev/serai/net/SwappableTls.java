package dev.serai.net;

import dev.serai.spiffe.SpiffeId;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.X509ExtendedTrustManager;
import org.apache.camel.CamelContext;
import org.apache.camel.support.jsse.SSLContextParameters;

/**
 * TLS for netty-http endpoints that follows rotation: bind it and name it with {@code
 * sslContextParameters: "#name"} and {@code ssl: true}. The identity and the bundle of the moment
 * are taken for every new connection, and no session is ever resumed.
 *
 * <p>A server wants {@code needClientAuth: true} where only peers with an identity may connect. A
 * client leaves {@code hostnameVerification} off: the SPIFFE id of the server is checked instead.
 * An open connection keeps what it was made with, so a client also sets {@code keepAlive: false}
 * and {@code producerPoolMinIdle: 0}: each call then proves who it is at that moment. (Without the
 * second, Camel keeps a spare connection.)
 */
public final class SwappableTls extends SSLContextParameters {
  private final Supplier<SSLContext> contexts;

  private SwappableTls(Supplier<SSLContext> contexts) {
    this.contexts = contexts;
  }

  /** Shows the source's identity; lets in peers of its trust domain whose id is accepted. */
  public static SwappableTls server(MaterialSource source, Predicate<SpiffeId> clients) {
    return new SwappableTls(() -> TlsContexts.server(source, clients).serverContext());
  }

  /** Shows the source's identity and speaks only to servers whose id is accepted. */
  public static SwappableTls client(MaterialSource source, Predicate<SpiffeId> servers) {
    return new SwappableTls(TlsContexts.client(source, servers));
  }

  /** Shows a certificate that peers have pinned; the trust manager judges the clients. */
  public static SwappableTls pinned(
      List<X509Certificate> chain, PrivateKey key, X509ExtendedTrustManager clients) {
    return new SwappableTls(() -> TlsContexts.of(new SpiffeKeyManager(chain, key), clients));
  }

  /** Shows no identity; the trust manager of the moment judges the server. */
  public static SwappableTls anonymous(Supplier<X509ExtendedTrustManager> servers) {
    return new SwappableTls(() -> TlsContexts.of(null, servers.get()));
  }

  static SwappableTls of(Supplier<SSLContext> contexts) {
    return new SwappableTls(contexts);
  }

  @Override
  public SSLContext createSSLContext(CamelContext camelContext) {
    return new PerConnectionContext(contexts);
  }
}
