package dev.serai.http;

import io.netty.channel.Channel;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.timeout.ReadTimeoutHandler;
import io.netty.util.concurrent.ScheduledFuture;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.component.netty.NettyConsumer;
import org.apache.camel.component.netty.ServerInitializerFactory;
import org.apache.camel.component.netty.http.HttpServerInitializerFactory;
import org.apache.camel.component.netty.http.NettyHttpConsumer;

/**
 * Connections of a netty-http listener, each with limits: how many at once, in all and from one
 * address, how long a handshake, how long a silence, how long at all. Bind one for each listener
 * and name it in {@code serverInitializerFactory}.
 */
public final class GuardedListener extends HttpServerInitializerFactory {
  private static final Duration HANDSHAKE = Duration.ofSeconds(10);

  /** A connection ends at this age: a byte now and then keeps nothing open for ever. */
  private static final Duration OLDEST = Duration.ofMinutes(5);

  private final AtomicInteger open;
  private final Map<InetAddress, Integer> openByAddress;
  private final int maxConnections;
  private final Duration silence;
  private final boolean asksForCertificate;

  private GuardedListener(int maxConnections, Duration silence, boolean asksForCertificate) {
    this.open = new AtomicInteger();
    this.openByAddress = new ConcurrentHashMap<>();
    this.maxConnections = maxConnections;
    this.silence = silence;
    this.asksForCertificate = asksForCertificate;
  }

  private GuardedListener(NettyHttpConsumer consumer, GuardedListener template) {
    super(consumer);
    this.open = template.open;
    this.openByAddress = template.openByAddress;
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
    if (!enter(channel)) {
      channel.unsafe().closeForcibly();
      return;
    }
    ScheduledFuture<?> oldest =
        channel
            .eventLoop()
            .schedule(() -> channel.unsafe().closeForcibly(), OLDEST.toSeconds(), TimeUnit.SECONDS);
    channel.closeFuture().addListener(closed -> oldest.cancel(false));
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

  /** Counts the connection until it is closed, or refuses it. */
  private boolean enter(Channel channel) {
    if (!(channel.remoteAddress() instanceof InetSocketAddress peer)) {
      return false; // gone already
    }
    InetAddress address = peer.getAddress();
    boolean within = open.incrementAndGet() <= maxConnections;
    if (openByAddress.merge(address, 1, Integer::sum) > limitPerAddress(maxConnections)
        || !within) {
      leave(address);
      return false;
    }
    channel.closeFuture().addListener(closed -> leave(address));
    return true;
  }

  private void leave(InetAddress address) {
    open.decrementAndGet();
    openByAddress.computeIfPresent(address, (same, count) -> count == 1 ? null : count - 1);
  }

  /** One address never takes all of a listener. */
  static int limitPerAddress(int maxConnections) {
    return Math.max(1, maxConnections / 4);
  }
}
