package dev.serai.http;

import dev.serai.deadline.Deadline;
import dev.serai.tpm.Bytes;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;

/**
 * GET over one connection of its own, with one deadline from name look-up to last byte and a limit
 * on the answer. No thread waits for an answer, so any number of silent servers holds none up; a
 * redirect is an answer like any other. The other side is told how long we wait. Safe for any
 * thread.
 */
public final class HttpGet implements AutoCloseable {
  private static final int MAX_HEADERS = 16 * 1024;
  private static final int RESOLVERS = 4;
  private static final int RESOLVER_QUEUE = 256;

  /** Every answer may have this much; what is more comes out of the budget all answers share. */
  private static final int OWN_BYTES = 64 * 1024;

  private final EventLoopGroup loop;
  private final ThreadPoolExecutor resolvers;
  private final AtomicLong budget;

  /**
   * @param sharedBytes how much long answers may hold at the same time, in all; one that wants more
   *     fails, short ones are never touched by it
   */
  public HttpGet(String threadName, long sharedBytes) {
    this.budget = new AtomicLong(sharedBytes);
    this.loop = new NioEventLoopGroup(2, new DefaultThreadFactory(threadName, true));
    this.resolvers =
        new ThreadPoolExecutor(
            RESOLVERS,
            RESOLVERS,
            30,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(RESOLVER_QUEUE),
            new DefaultThreadFactory(threadName + "-dns", true));
    resolvers.allowCoreThreadTimeOut(true);
  }

  /**
   * What to ask.
   *
   * @param tls decides whom to believe; in clear without it
   * @param pathAndQuery begins with a slash
   */
  public record Request(
      String host,
      int port,
      Optional<SSLContext> tls,
      String pathAndQuery,
      Map<String, String> headers,
      Duration deadline,
      int maxBody) {
    public Request {
      headers = Map.copyOf(headers);
      if (!pathAndQuery.startsWith("/") || pathAndQuery.chars().anyMatch(c -> c <= ' ')) {
        throw new IllegalArgumentException("not a path");
      }
    }
  }

  /** What came back, whatever the status. */
  public record Response(int status, Bytes body) {}

  /**
   * Completes with the response, or exceptionally with an IOException or a TimeoutException; never
   * later than the deadline.
   */
  public CompletableFuture<Response> send(Request request) {
    CompletableFuture<Response> answer = new CompletableFuture<>();
    var unused = answer.orTimeout(request.deadline().toMillis(), TimeUnit.MILLISECONDS);
    var unused2 =
        resolve(request.host())
            .whenComplete(
                (address, failure) -> {
                  if (failure != null) {
                    answer.completeExceptionally(failure);
                  } else if (!answer.isDone()) {
                    connect(request, address, answer);
                  }
                });
    return answer;
  }

  /** Names are looked up on threads of their own: the system's resolver blocks. */
  private CompletableFuture<InetAddress> resolve(String host) {
    if (NetUtil.isValidIpV4Address(host) || NetUtil.isValidIpV6Address(host)) {
      return byName(host, Runnable::run);
    }
    try {
      return byName(host, resolvers);
    } catch (RejectedExecutionException e) {
      return CompletableFuture.failedFuture(new IOException("too many names to look up"));
    }
  }

  private static CompletableFuture<InetAddress> byName(String host, Executor executor) {
    CompletableFuture<InetAddress> address = new CompletableFuture<>();
    executor.execute(
        () -> {
          try {
            address.complete(InetAddress.getByName(host));
          } catch (UnknownHostException e) {
            address.completeExceptionally(new IOException("unknown host", e));
          }
        });
    return address;
  }

  private void connect(Request request, InetAddress address, CompletableFuture<Response> answer) {
    var unused =
        new Bootstrap()
            .group(loop)
            .channel(NioSocketChannel.class)
            .option(
                ChannelOption.CONNECT_TIMEOUT_MILLIS,
                (int) Math.min(Integer.MAX_VALUE, request.deadline().toMillis()))
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    pipeline(channel, request, answer);
                  }
                })
            .connect(new InetSocketAddress(address, request.port()))
            .addListener(
                connected -> {
                  if (!connected.isSuccess()) {
                    answer.completeExceptionally(connected.cause());
                  }
                });
  }

  private void pipeline(Channel channel, Request request, CompletableFuture<Response> answer) {
    var unused = answer.whenComplete((response, failure) -> closeNow(channel));
    request
        .tls()
        .ifPresent(
            context -> {
              SSLEngine engine = context.createSSLEngine(request.host(), request.port());
              engine.setUseClientMode(true);
              SslHandler tls = new SslHandler(engine);
              tls.setHandshakeTimeoutMillis(request.deadline().toMillis());
              channel.pipeline().addLast(tls);
            });
    channel
        .pipeline()
        .addLast(new HttpClientCodec(4096, MAX_HEADERS, 8192))
        .addLast(new ByteBudget(budget))
        .addLast(new HttpObjectAggregator(request.maxBody()))
        .addLast(new Conversation(request, answer));
  }

  private static void closeNow(Channel channel) {
    var unused = channel.close();
  }

  private static FullHttpRequest wire(Request request) {
    FullHttpRequest wire =
        new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, request.pathAndQuery());
    wire.headers()
        .set(HttpHeaderNames.HOST, NetUtil.toSocketAddressString(request.host(), request.port()))
        .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE)
        .set(HttpHeaderNames.ACCEPT, HttpHeaderValues.APPLICATION_JSON);
    wire.headers().set(Deadline.HEADER, request.deadline().toMillis());
    request.headers().forEach((name, value) -> wire.headers().set(name, value));
    return wire;
  }

  @Override
  public void close() {
    resolvers.shutdownNow();
    var unused = loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }

  /** Takes what an answer holds out of the budget, and gives it back when its connection ends. */
  private static final class ByteBudget extends ChannelInboundHandlerAdapter {
    private final AtomicLong budget;
    private long received;
    private long taken;

    ByteBudget(AtomicLong budget) {
      this.budget = budget;
    }

    @Override
    public void channelRead(ChannelHandlerContext connection, Object message) {
      if (message instanceof HttpContent part) {
        received += part.content().readableBytes();
        long more = received - OWN_BYTES - taken;
        if (more > 0) {
          taken += more;
          if (budget.addAndGet(-more) < 0) {
            part.release();
            connection.fireExceptionCaught(
                new IOException("too many long answers at the same time"));
            return;
          }
        }
      }
      connection.fireChannelRead(message);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext connection) {
      budget.addAndGet(taken);
      taken = 0;
    }
  }

  /** One request, one answer. */
  private static final class Conversation extends SimpleChannelInboundHandler<FullHttpResponse> {
    private final Request request;
    private final CompletableFuture<Response> answer;

    Conversation(Request request, CompletableFuture<Response> answer) {
      this.request = request;
      this.answer = answer;
    }

    @Override
    public void channelActive(ChannelHandlerContext connection) {
      var unused = connection.writeAndFlush(wire(request)); // waits for the handshake
    }

    @Override
    protected void channelRead0(ChannelHandlerContext connection, FullHttpResponse response) {
      if (!response.decoderResult().isSuccess()) {
        answer.completeExceptionally(new IOException("not an HTTP answer"));
        return;
      }
      answer.complete(
          new Response(
              response.status().code(), Bytes.copyOf(ByteBufUtil.getBytes(response.content()))));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext connection, Throwable cause) {
      answer.completeExceptionally(cause);
    }

    @Override
    public void channelInactive(ChannelHandlerContext connection) {
      answer.completeExceptionally(new IOException("the connection was closed without an answer"));
    }
  }

  /** Whether a failure of {@link #send} is the deadline. */
  public static boolean isTimeout(Throwable failure) {
    for (Throwable t = failure; t != null; t = t.getCause()) {
      if (t instanceof TimeoutException || t instanceof io.netty.channel.ConnectTimeoutException) {
        return true;
      }
    }
    return false;
  }
}
