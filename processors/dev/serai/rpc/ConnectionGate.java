package dev.serai.rpc;

import dev.serai.rpc.RpcPeer.LocalPeer;
import io.grpc.Attributes;
import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.grpc.netty.InternalProtocolNegotiationEvent;
import io.grpc.netty.InternalProtocolNegotiator;
import io.grpc.netty.InternalProtocolNegotiators;
import io.grpc.netty.ProtocolNegotiationEvent;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.unix.PeerCredentials;
import io.netty.util.AsciiString;
import io.netty.util.AttributeKey;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stands before the acceptor of one listener: counts connections, closes what is over the limits
 * before a byte of it is read, and notes which process is at the other end of a unix socket.
 *
 * <p>The only class that touches gRPC's internal negotiation types.
 */
@ChannelHandler.Sharable
final class ConnectionGate extends ChannelInboundHandlerAdapter {
  /** The kernel's word on the other end of a unix socket. */
  static final Attributes.Key<LocalPeer> LOCAL_PEER = Attributes.Key.create("serai-local-peer");

  private static final Logger LOG = LoggerFactory.getLogger(ConnectionGate.class);
  private static final AttributeKey<LocalPeer> CHANNEL_PEER =
      AttributeKey.valueOf(ConnectionGate.class, "peer");

  private final int limit;
  private final int limitPerPeer;
  private final AtomicInteger open = new AtomicInteger();
  private final Map<Object, Integer> openByPeer = new ConcurrentHashMap<>();

  ConnectionGate(int limit, int limitPerPeer) {
    this.limit = limit;
    this.limitPerPeer = limitPerPeer;
  }

  int open() {
    return open.get();
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object accepted) {
    Channel connection = (Channel) accepted;
    Object peer;
    try {
      peer = identify(connection);
    } catch (IOException e) {
      LOG.debug("connection without peer credentials closed", e);
      connection.unsafe().closeForcibly();
      return;
    }
    if (open.incrementAndGet() > limit) {
      open.decrementAndGet();
      refuse(connection, peer);
      return;
    }
    if (openByPeer.merge(peer, 1, Integer::sum) > limitPerPeer) {
      leave(peer);
      refuse(connection, peer);
      return;
    }
    connection.closeFuture().addListener(closed -> leave(peer));
    context.fireChannelRead(connection);
  }

  private static Object identify(Channel connection) throws IOException {
    if (connection instanceof EpollDomainSocketChannel unix) {
      PeerCredentials credentials = unix.peerCredentials();
      int gid = credentials.gids().length == 0 ? -1 : credentials.gids()[0];
      LocalPeer peer =
          new LocalPeer(
              credentials.pid(),
              credentials.uid(),
              gid,
              ProcessStart.read(credentials.pid()).orElse(-1));
      connection.attr(CHANNEL_PEER).set(peer);
      return peer.uid();
    }
    return connection.remoteAddress() instanceof InetSocketAddress address
        ? address.getAddress()
        : "unknown";
  }

  private void leave(Object peer) {
    open.decrementAndGet();
    openByPeer.computeIfPresent(peer, (key, count) -> count == 1 ? null : count - 1);
  }

  private void refuse(Channel connection, Object peer) {
    LOG.debug("too many connections, one of {} closed", peer);
    connection.unsafe().closeForcibly();
  }

  /** Plaintext HTTP/2 whose transport attributes carry the peer. */
  static InternalProtocolNegotiator.ProtocolNegotiator withPeer() {
    InternalProtocolNegotiator.ProtocolNegotiator plain =
        InternalProtocolNegotiators.serverPlaintext();
    return new InternalProtocolNegotiator.ProtocolNegotiator() {
      @Override
      public AsciiString scheme() {
        return plain.scheme();
      }

      @Override
      public ChannelHandler newHandler(GrpcHttp2ConnectionHandler handler) {
        return new PeerHandler(plain.newHandler(handler));
      }

      @Override
      public void close() {
        plain.close();
      }
    };
  }

  /** Puts itself before the plain negotiation and adds the peer to the event that starts it. */
  private static final class PeerHandler extends ChannelInboundHandlerAdapter {
    private final ChannelHandler next;

    PeerHandler(ChannelHandler next) {
      this.next = next;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
      context.pipeline().addAfter(context.name(), null, next);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
      if (event instanceof ProtocolNegotiationEvent negotiation) {
        Attributes attributes =
            InternalProtocolNegotiationEvent.getAttributes(negotiation).toBuilder()
                .set(LOCAL_PEER, context.channel().attr(CHANNEL_PEER).get())
                .build();
        context.fireUserEventTriggered(
            InternalProtocolNegotiationEvent.withAttributes(negotiation, attributes));
        context.pipeline().remove(this);
        return;
      }
      context.fireUserEventTriggered(event);
    }
  }
}
