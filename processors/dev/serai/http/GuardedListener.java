package dev.serai.http;

import dev.serai.reason.ReasonCode;
import dev.serai.rpc.SocketAccess;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.timeout.ReadTimeoutHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.EventExecutorGroup;
import io.netty.util.concurrent.NonStickyEventExecutorGroup;
import io.netty.util.concurrent.ScheduledFuture;
import io.netty.util.concurrent.UnorderedThreadPoolEventExecutor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.component.netty.NettyConsumer;
import org.apache.camel.component.netty.ServerInitializerFactory;
import org.apache.camel.component.netty.http.HttpServerInitializerFactory;
import org.apache.camel.component.netty.http.NettyHttpConsumer;

/**
 * Connections of a netty-http listener, each with limits: how many at once, in all and from one
 * address (or user of a unix socket), how long a handshake, how long a silence, how long at all,
 * and how many requests are on their way. Bind one for each listener and name it in {@code
 * serverInitializerFactory}. Each has threads of its own.
 */
public final class GuardedListener extends HttpServerInitializerFactory {
  /** Threads on which requests run in routes; started when they are needed. */
  private static final int WORKERS = 8;

  private static final Duration HANDSHAKE = Duration.ofSeconds(10);

  /** A connection ends at this age: a byte now and then keeps nothing open for ever. */
  private static final Duration OLDEST = Duration.ofMinutes(5);

  private final AtomicInteger open;
  private final Map<Object, Integer> openByPeer;
  private final int maxConnections;
  private final Duration silence;
  private final boolean asksForCertificate;
  private final SocketAccess access;
  private final AtomicInteger inFlight;
  private final EventExecutorGroup workers;
  private Runnable refused = () -> {};

  private GuardedListener(
      int maxConnections, Duration silence, boolean asksForCertificate, SocketAccess access) {
    this.open = new AtomicInteger();
    this.openByPeer = new ConcurrentHashMap<>();
    this.maxConnections = maxConnections;
    this.silence = silence;
    this.asksForCertificate = asksForCertificate;
    this.access = access;
    this.inFlight = new AtomicInteger();
    this.workers = workers();
  }

  /** Of this listener alone: what hangs behind another one holds up none of these. */
  private static EventExecutorGroup workers() {
    UnorderedThreadPoolEventExecutor threads =
        new UnorderedThreadPoolEventExecutor(WORKERS, new DefaultThreadFactory("http", true));
    threads.setKeepAliveTime(30, TimeUnit.SECONDS);
    threads.allowCoreThreadTimeOut(true);
    return new NonStickyEventExecutorGroup(threads);
  }

  private GuardedListener(NettyHttpConsumer consumer, GuardedListener template) {
    super(consumer);
    this.open = template.open;
    this.openByPeer = template.openByPeer;
    this.maxConnections = template.maxConnections;
    this.silence = template.silence;
    this.asksForCertificate = template.asksForCertificate;
    this.access = template.access;
    this.inFlight = template.inFlight;
    this.workers = template.workers;
    this.refused = counter(consumer);
    consumer.getConfiguration().setUsingExecutorService(false); // there is one, see below
  }

  private static Runnable counter(NettyHttpConsumer consumer) {
    MeterRegistry meters =
        consumer
            .getEndpoint()
            .getCamelContext()
            .getRegistry()
            .findSingleByType(MeterRegistry.class);
    if (meters == null) {
      return () -> {};
    }
    return () -> {
      // Asked each time: the listener is made before its route is.
      String route = consumer.getRoute() == null ? "none" : consumer.getRoute().getRouteId();
      meters
          .counter("serai.refusals", "route", route, "reason", ReasonCode.OVERLOADED.name())
          .increment();
    };
  }

  /** Without TLS, or with TLS as the endpoint configures it. */
  public static GuardedListener of(int maxConnections, Duration silence) {
    return new GuardedListener(maxConnections, silence, false, SocketAccess.OWNER);
  }

  /**
   * With TLS where a client may show a certificate and need not. One that is shown is verified;
   * what a caller without one may do is for the route to decide.
   */
  public static GuardedListener askingForCertificate(int maxConnections, Duration silence) {
    return new GuardedListener(maxConnections, silence, true, SocketAccess.OWNER);
  }

  /** On a unix socket. Who is at the other end is for the route to ask the kernel. */
  public static GuardedListener onUnixSocket(
      int maxConnections, Duration silence, SocketAccess access) {
    return new GuardedListener(maxConnections, silence, false, access);
  }

  SocketAccess access() {
    return access;
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
    ChannelHandler route = channel.pipeline().remove("handler");
    channel
        .pipeline()
        .addLast("gate", new RequestGate(inFlight, inFlightLimit(maxConnections), refused))
        .addLast(workers, "handler", route);
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
    Optional<Object> peer = peer(channel);
    if (peer.isEmpty()) {
      return false; // gone already
    }
    boolean within = open.incrementAndGet() <= maxConnections;
    if (openByPeer.merge(peer.get(), 1, Integer::sum) > limitPerAddress(maxConnections)
        || !within) {
      leave(peer.get());
      return false;
    }
    channel.closeFuture().addListener(closed -> leave(peer.get()));
    return true;
  }

  /** An address, or the user at the other end of a unix socket. */
  private static Optional<Object> peer(Channel channel) {
    if (channel instanceof EpollDomainSocketChannel unix) {
      try {
        return Optional.of(unix.peerCredentials().uid());
      } catch (IOException e) {
        return Optional.empty();
      }
    }
    return channel.remoteAddress() instanceof InetSocketAddress peer
        ? Optional.of(peer.getAddress())
        : Optional.empty();
  }

  private void leave(Object peer) {
    open.decrementAndGet();
    openByPeer.computeIfPresent(peer, (same, count) -> count == 1 ? null : count - 1);
  }

  /** Requests that run or wait: half of the connections, so that the others hear why not. */
  static int inFlightLimit(int maxConnections) {
    return Math.max(1, maxConnections / 2);
  }

  void stop() {
    var unused = workers.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }

  /** One address never takes all of a listener. */
  static int limitPerAddress(int maxConnections) {
    return Math.max(1, maxConnections / 4);
  }
}
