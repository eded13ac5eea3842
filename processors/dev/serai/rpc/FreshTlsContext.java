package dev.serai.rpc;

import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolNegotiator;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.IdentityCipherSuiteFilter;
import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContext;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSessionContext;

/**
 * Asks for the TLS context anew for every connection: each handshake sees the identity and the
 * trust bundle of its moment, and no session of an earlier one can be resumed. TLS 1.2 and 1.3,
 * ALPN h2.
 */
public final class FreshTlsContext extends SslContext {
  private static final String[] PROTOCOLS = {"TLSv1.3", "TLSv1.2"};
  private static final ApplicationProtocolConfig H2 =
      new ApplicationProtocolConfig(
          ApplicationProtocolConfig.Protocol.ALPN,
          ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
          ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
          "h2");

  private final Supplier<SSLContext> contexts;
  private final boolean client;
  private final JdkSslContext shape;

  private FreshTlsContext(Supplier<SSLContext> contexts, boolean client) {
    this.contexts = contexts;
    this.client = client;
    try {
      this.shape = wrap(SSLContext.getDefault());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("the JDK has no TLS", e);
    }
  }

  /** For a listener: asks for a client certificate, does not demand one. */
  public static FreshTlsContext server(Supplier<SSLContext> contexts) {
    return new FreshTlsContext(contexts, false);
  }

  /** For connections to a server. */
  public static FreshTlsContext client(Supplier<SSLContext> contexts) {
    return new FreshTlsContext(contexts, true);
  }

  private JdkSslContext wrap(SSLContext context) {
    return new JdkSslContext(
        context,
        client,
        null,
        IdentityCipherSuiteFilter.INSTANCE,
        H2,
        ClientAuth.OPTIONAL,
        PROTOCOLS,
        false);
  }

  @Override
  public boolean isClient() {
    return client;
  }

  @Override
  public List<String> cipherSuites() {
    return shape.cipherSuites();
  }

  @Override
  public ApplicationProtocolNegotiator applicationProtocolNegotiator() {
    return shape.applicationProtocolNegotiator();
  }

  @Override
  public SSLEngine newEngine(ByteBufAllocator allocator) {
    return wrap(contexts.get()).newEngine(allocator);
  }

  @Override
  public SSLEngine newEngine(ByteBufAllocator allocator, String host, int port) {
    return wrap(contexts.get()).newEngine(allocator, host, port);
  }

  @Override
  public SSLSessionContext sessionContext() {
    return shape.sessionContext();
  }
}
