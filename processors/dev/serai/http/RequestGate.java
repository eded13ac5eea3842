package dev.serai.http;

import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import dev.serai.reason.ReasonCode;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands before the threads of a listener. Of one connection one request is on its way at a time
 * and nothing more is read meanwhile; of all connections together only so many are. The next one is
 * answered OVERLOADED at once, on the network's thread. One for each connection.
 */
final class RequestGate extends ChannelDuplexHandler {
  /** Seconds; for clients that look at it. */
  private static final String RETRY_AFTER = "1";

  private final AtomicInteger inFlight;
  private final int limit;
  private final Runnable refused;
  // The connection's thread only. What had been read already when the first request was seen.
  private final Deque<Object> early = new ArrayDeque<>();
  private boolean busy;
  private boolean holdsPlace;

  /**
   * @param inFlight requests of the listener, shared by its connections
   * @param refused told of each request that is not let through
   */
  RequestGate(AtomicInteger inFlight, int limit, Runnable refused) {
    this.inFlight = inFlight;
    this.limit = limit;
    this.refused = refused;
  }

  @Override
  public void channelRead(ChannelHandlerContext connection, Object message) {
    if (!(message instanceof HttpRequest)) {
      connection.fireChannelRead(message);
    } else if (busy) {
      early.add(message);
    } else {
      admit(connection, message);
    }
  }

  private void admit(ChannelHandlerContext connection, Object request) {
    if (inFlight.incrementAndGet() > limit) {
      inFlight.decrementAndGet();
      ReferenceCountUtil.release(request);
      refused.run();
      busy = true; // until the answer is out
      connection.channel().config().setAutoRead(false);
      connection.writeAndFlush(overloaded()).addListener(written -> next(connection));
      return;
    }
    busy = true;
    holdsPlace = true;
    connection.channel().config().setAutoRead(false);
    connection.fireChannelRead(request);
  }

  @Override
  public void write(ChannelHandlerContext connection, Object message, ChannelPromise promise) {
    if (!holdsPlace || isPart(message)) {
      var unused = connection.write(message, promise);
      return;
    }
    connection
        .write(message, promise.unvoid())
        .addListener(
            written -> {
              if (holdsPlace) {
                leave();
                next(connection);
              }
            });
  }

  /** Something of the same answer follows. */
  private static boolean isPart(Object message) {
    return (message instanceof HttpResponse || message instanceof HttpContent)
        && !(message instanceof LastHttpContent);
  }

  private void leave() {
    holdsPlace = false;
    inFlight.decrementAndGet();
  }

  private void next(ChannelHandlerContext connection) {
    busy = false;
    Object waiting = early.poll();
    if (waiting != null) {
      admit(connection, waiting);
    } else {
      connection.channel().config().setAutoRead(true);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext connection) {
    if (holdsPlace) {
      leave();
    }
    early.forEach(ReferenceCountUtil::release);
    early.clear();
    connection.fireChannelInactive();
  }

  private static FullHttpResponse overloaded() {
    ReasonCode code = ReasonCode.OVERLOADED;
    HttpAnswer answer =
        HttpAnswer.of(
            Envelope.bare(
                code.kind().httpStatus(), code + ": too many requests are on their way already"));
    FullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1,
            HttpResponseStatus.valueOf(answer.status()),
            Unpooled.wrappedBuffer(answer.body().toArray()));
    response
        .headers()
        .set(HttpHeaderNames.CONTENT_TYPE, answer.contentType())
        .set(HttpHeaderNames.CONTENT_LENGTH, response.content().readableBytes())
        .set(HttpHeaderNames.RETRY_AFTER, RETRY_AFTER)
        .set(HttpAnswers.REASON_HEADER, code.name());
    return response;
  }
}
