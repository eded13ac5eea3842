package dev.serai.net;

import java.security.KeyManagementException;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.function.Supplier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLContextSpi;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocketFactory;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;

/** An SSLContext that takes a new inner context for every engine and socket factory. */
final class PerConnectionContext extends SSLContext {
  private static final String[] PROTOCOLS = {"TLSv1.3", "TLSv1.2"};

  PerConnectionContext(Supplier<SSLContext> contexts) {
    this(contexts, defaultContext());
  }

  private PerConnectionContext(Supplier<SSLContext> contexts, SSLContext shape) {
    super(new Spi(contexts, shape), shape.getProvider(), "TLS");
  }

  private static SSLContext defaultContext() {
    try {
      return SSLContext.getDefault();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("the JDK has no TLS", e);
    }
  }

  private static final class Spi extends SSLContextSpi {
    private final Supplier<SSLContext> contexts;

    /** Answers what is asked before there is an identity: parameters and session settings. */
    private final SSLContext shape;

    Spi(Supplier<SSLContext> contexts, SSLContext shape) {
      this.contexts = contexts;
      this.shape = shape;
    }

    @Override
    protected void engineInit(KeyManager[] keys, TrustManager[] trust, SecureRandom random)
        throws KeyManagementException {
      throw new KeyManagementException("made per connection");
    }

    @Override
    protected SSLEngine engineCreateSSLEngine() {
      return modern(contexts.get().createSSLEngine());
    }

    @Override
    protected SSLEngine engineCreateSSLEngine(String host, int port) {
      return modern(contexts.get().createSSLEngine(host, port));
    }

    private static SSLEngine modern(SSLEngine engine) {
      engine.setEnabledProtocols(PROTOCOLS);
      return engine;
    }

    @Override
    protected SSLSocketFactory engineGetSocketFactory() {
      return contexts.get().getSocketFactory();
    }

    @Override
    protected SSLServerSocketFactory engineGetServerSocketFactory() {
      return contexts.get().getServerSocketFactory();
    }

    @Override
    protected SSLSessionContext engineGetServerSessionContext() {
      return shape.getServerSessionContext();
    }

    @Override
    protected SSLSessionContext engineGetClientSessionContext() {
      return shape.getClientSessionContext();
    }

    @Override
    protected SSLParameters engineGetDefaultSSLParameters() {
      return shape.getDefaultSSLParameters();
    }

    @Override
    protected SSLParameters engineGetSupportedSSLParameters() {
      return shape.getSupportedSSLParameters();
    }
  }
}
