package dev.serai.rpc;

import com.google.protobuf.Message;
import dev.serai.deadline.Deadline;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.reason.Refused;
import dev.serai.role.TraceId;
import io.grpc.MethodDescriptor.MethodType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangePattern;
import org.apache.camel.Processor;
import org.apache.camel.support.DefaultConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns calls into exchanges and what routes leave behind into answers.
 *
 * <ul>
 *   <li>A {@link Refused} body or an exception ends the call with the status of its reason.
 *   <li>Unary: the body, a message, is the response.
 *   <li>Server stream: a message is sent and the call stays open until somebody completes or
 *       refuses it. A body that is still the request sends nothing: the route has handed the call
 *       on.
 *   <li>Bidirectional: one exchange per message, in order. A message or a list of messages is sent;
 *       the property {@link RpcCall#COMPLETE} ends the call, as does the client's half-close.
 * </ul>
 */
public final class RpcConsumer extends DefaultConsumer {
  private static final Logger LOG = LoggerFactory.getLogger(RpcConsumer.class);

  /** For callers that set no deadline: the answer, or the first of a stream, comes by then. */
  private static final Duration LONGEST = Duration.ofSeconds(60);

  private final RpcServer server;
  private final String method;
  private final MethodType type;

  RpcConsumer(RpcEndpoint endpoint, Processor processor, RpcServer server) {
    super(endpoint, processor);
    this.server = server;
    this.method = endpoint.method();
    this.type = server.typeOf(method);
  }

  @Override
  protected void doStart() throws Exception {
    super.doStart();
    server.start();
    server.serve(method, this::handle);
  }

  @Override
  protected void doSuspend() throws Exception {
    server.suspend(method);
    super.doSuspend();
  }

  @Override
  protected void doResume() throws Exception {
    super.doResume();
    server.serve(method, this::handle);
  }

  @Override
  protected void doStop() throws Exception {
    server.suspend(method);
    super.doStop();
  }

  private void handle(RpcCall call, Message request, Runnable done) {
    if (!call.isOpen()) {
      return; // it was cancelled or its deadline passed while it waited for a thread
    }
    Exchange exchange = createExchange(false);
    exchange.setPattern(ExchangePattern.InOut);
    exchange.setVariable(RpcCall.VARIABLE, call);
    exchange.setVariable(RpcCall.TRACE_ID, call.traceId());
    Deadline.limit(exchange, LONGEST);
    call.remaining().ifPresent(left -> Deadline.limit(exchange, left));
    String caller = call.metadata().get(RpcServer.TRACEPARENT);
    if (caller != null) {
      TraceId.calledWith(exchange, caller);
    }
    exchange.getMessage().setBody(request);
    call.working(true);
    getAsyncProcessor()
        .process(
            exchange,
            doneSync -> {
              try {
                answer(call, request, exchange, done);
              } finally {
                call.working(false);
                releaseExchange(exchange, false);
              }
            });
  }

  private void answer(RpcCall call, Message request, Exchange exchange, Runnable done) {
    if (exchange.getException() != null) {
      call.refuse(refusal(call, exchange.getException()));
      return;
    }
    Object body = exchange.getMessage().getBody();
    if (body instanceof Refused refused) {
      RefusalMessage own = exchange.getProperty(RefusalMessage.PROPERTY, RefusalMessage.class);
      if (own == null || type != MethodType.UNARY) {
        call.refuse(refused);
        return;
      }
      body = own.of(refused);
    }
    List<Message> messages = messages(body, request);
    if (messages == null || (type == MethodType.UNARY && messages.size() != 1)) {
      LOG.error(
          "{}: the route left {} where an answer belongs",
          method,
          body == null ? "nothing" : body.getClass().getName());
      call.refuse(internalError(call));
      return;
    }
    switch (type) {
      case UNARY -> {
        call.send(messages.get(0));
        call.complete();
      }
      case SERVER_STREAMING -> messages.forEach(call::send);
      default -> {
        if (Boolean.TRUE.equals(exchange.getProperty(RpcCall.COMPLETE))) {
          call.sendAll(messages, () -> {});
          call.complete();
        } else {
          call.sendAll(messages, done);
        }
      }
    }
  }

  /** Null when the body is no answer. */
  private List<Message> messages(Object body, Message request) {
    if (body == null || body == request) {
      return type == MethodType.UNARY ? null : List.of();
    }
    if (body instanceof Message message) {
      return List.of(message);
    }
    if (body instanceof List<?> list && type != MethodType.UNARY) {
      List<Message> all = new ArrayList<>(list.size());
      for (Object item : list) {
        if (!(item instanceof Message message)) {
          return null;
        }
        all.add(message);
      }
      return all;
    }
    return null;
  }

  private Refused refusal(RpcCall call, Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof RefusalException refusal) {
        return new Refused(refusal.reason(), call.traceId(), refusal.answerDetail());
      }
    }
    if (failure
        instanceof RejectedExecutionException) { // by Camel: the route was stopped meanwhile
      LOG.info("{} was stopped, trace id {}", method, call.traceId());
      return new Refused(
          new Reason(
              ReasonCode.NOT_RUNNING, "the route of %s was stopped meanwhile".formatted(method)),
          call.traceId(),
          Optional.empty());
    }
    LOG.error("{} failed, trace id {}", method, call.traceId(), failure);
    return internalError(call);
  }

  private static Refused internalError(RpcCall call) {
    return new Refused(
        new Reason(ReasonCode.INTERNAL_ERROR, "see the log under the trace id"),
        call.traceId(),
        Optional.empty());
  }
}
