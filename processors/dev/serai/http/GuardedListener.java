package dev.serai.http;

import io.netty.channel.Channel;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.timeout.ReadTimeoutHandler;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.component.netty.NettyConsumer;
import org.apache.camel.component.netty.ServerInitializerFactory;
import org.apache.camel.component.netty.http.HttpServerInitializerFactory;
import org.apache.camel.component.netty.http.NettyHttpConsumer;

/**
 * Connections of a netty-http listener, each with limits: how many at once, how long a handshake,
 * how long a silence. Bind one for each listener and name it in {@code serverInitializerFactory}.
 */
public final class GuardedListener extends HttpServerInitializerFactory {
  private static final Duration HANDSHAKE = Duration.ofSeconds(10);

  private final AtomicInteger open;
  private final int maxConnections;
  private final Duration silence;
  private final boolean asksForCertificate;

  private GuardedListener(int maxConnections, Duration silence, boolean asksForCertificate) {
    this.open = new AtomicInteger();
    this.maxConnections = maxConnections;
    this.silence = silence;
    this.asksForCertificate = asksForCertificate;
  }

  private GuardedListener(NettyHttpConsumer consumer, GuardedListener template) {
    super(consumer);
    this.open = template.open;
    this.maxConnections = template.maxConnections;
    this.silence = template.silence;
    this.asksForCertificate = template.asksForCertificate;
  }

  /** Without TLS, or with TLS as the endpoint configures it. */
  public static GuardedListener of(int maxConnections, Duration silence) {
    return new GuardedListener(maxConnections, silence, false);
  }

  /**
   * With TLS where a client may show a certificate and need not. One that is shown is verified;
   * what a caller without one may do is for the route to decide.
   */
  public static GuardedListener askingForCertificate(int maxConnections, Duration silence) {
    return new GuardedListener(maxConnections, silence, true);
  }

  @Override
  public ServerInitializerFactory createPipelineFactory(NettyConsumer nettyConsumer) {
    return new GuardedListener((NettyHttpConsumer) nettyConsumer, this);
  }

  @Override
  protected void initChannel(Channel channel) throws Exception {
    if (open.incrementAndGet() > maxConnections) {
      open.decrementAndGet();
      channel.unsafe().closeForcibly();
      return;
    }
    channel.closeFuture().addListener(closed -> open.decrementAndGet());
    super.initChannel(channel);
    channel
        .pipeline()
        .addFirst("silence", new ReadTimeoutHandler(silence.toMillis(), TimeUnit.MILLISECONDS));
    SslHandler tls = channel.pipeline().get(SslHandler.class);
    if (tls != null) {
      tls.setHandshakeTimeoutMillis(HANDSHAKE.toMillis());
      if (asksForCertificate) {
        tls.engine().setWantClientAuth(true);
      }
    }
  }
}
