package dev.serai.net;

import dev.serai.role.TraceId;
import dev.serai.rpc.FreshTlsContext;
import dev.serai.spiffe.SpiffeId;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.netty.InternalNettyChannelBuilder;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.slf4j.MDC;

/**
 * Client channels to gRPC servers that are known by their SPIFFE id. Calls carry the trace id of
 * the flow they belong to. A call fails with Unavailable while the server cannot be reached or
 * there is no identity yet; the next call tries to connect again at once.
 */
public final class SpiffeChannels {
  private static final int MAX_MESSAGE_BYTES = 64 << 20;
  private static final Metadata.Key<String> TRACEPARENT =
      Metadata.Key.of(TraceId.HEADER, Metadata.ASCII_STRING_MARSHALLER);

  private SpiffeChannels() {}

  /** Shows the source's identity. When that changes, new calls go over a new connection. */
  public static ManagedChannel tls(
      String host, int port, MaterialSource source, SpiffeId expectedServer) {
    Supplier<SSLContext> contexts = TlsContexts.client(source, expectedServer::equals);
    return new RotatingChannel(() -> tcp(host, port, contexts), source);
  }

  /** Shows no identity; for what is done before there is one. */
  public static ManagedChannel bundleOnly(
      String host, int port, Supplier<List<X509Certificate>> bundle, SpiffeId expectedServer) {
    Supplier<SSLContext> contexts = TlsContexts.bundleOnly(bundle, expectedServer);
    return new RotatingChannel(() -> tcp(host, port, contexts), () -> !bundle.get().isEmpty());
  }

  /** A socket of this machine, in plaintext: the kernel says who calls. */
  public static ManagedChannel unix(Path socket) {
    return new RotatingChannel(
        () ->
            NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toString()))
                .eventLoopGroup(Loop.GROUP)
                .channelType(EpollDomainSocketChannel.class)
                .usePlaintext()
                .overrideAuthority("localhost")
                .intercept(new TraceInterceptor())
                .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                .withOption(ChannelOption.SO_KEEPALIVE, null) // not an option of a unix socket
                .build(),
        () -> true);
  }

  private static ManagedChannel tcp(String host, int port, Supplier<SSLContext> contexts) {
    NettyChannelBuilder builder = NettyChannelBuilder.forAddress(host, port);
    InternalNettyChannelBuilder.setTracingEnabled(builder, false); // looks for a class on each jar
    return builder
        .eventLoopGroup(Loop.GROUP)
        .channelType(Epoll.isAvailable() ? EpollSocketChannel.class : NioSocketChannel.class)
        .sslContext(FreshTlsContext.client(contexts))
        .intercept(new TraceInterceptor())
        .disableServiceConfigLookUp()
        .keepAliveTime(30, TimeUnit.SECONDS)
        .keepAliveTimeout(10, TimeUnit.SECONDS)
        .maxInboundMessageSize(MAX_MESSAGE_BYTES)
        .build();
  }

  /** Shared by all channels of the process; its threads are daemons. */
  private static final class Loop {
    static final EventLoopGroup GROUP = make();

    private static EventLoopGroup make() {
      DefaultThreadFactory threads = new DefaultThreadFactory("rpc-client-io", true);
      return Epoll.isAvailable()
          ? new EpollEventLoopGroup(1, threads)
          : new NioEventLoopGroup(1, threads);
    }
  }

  private static final class TraceInterceptor implements ClientInterceptor {
    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(
        MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
      String traceId = MDC.get(TraceId.VARIABLE);
      ClientCall<Q, A> call = next.newCall(method, options);
      if (traceId == null) {
        return call;
      }
      String traceparent = TraceId.traceparent(traceId); // of the step that makes the call
      return new SimpleForwardingClientCall<>(call) {
        @Override
        public void start(Listener<A> listener, Metadata headers) {
          headers.put(TRACEPARENT, traceparent);
          super.start(listener, headers);
        }
      };
    }
  }
}
