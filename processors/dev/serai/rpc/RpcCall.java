package dev.serai.rpc;

import com.google.protobuf.Message;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.Refused;
import dev.serai.role.TraceId;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * One open call. Routes find it in the exchange variable {@link #VARIABLE}; it outlives the
 * exchange when the call is a stream. All methods may be called from any thread; none blocks.
 */
public final class RpcCall {
  /** The exchange variable that holds the call. */
  public static final String VARIABLE = "rpcCall";

  /** The exchange variable that holds the trace id. */
  public static final String TRACE_ID = TraceId.VARIABLE;

  /** Exchange property: true ends a bidirectional call after the bodies of this exchange. */
  public static final String COMPLETE = "rpcComplete";

  private final ServerCall<Object, Object> call;
  private final RpcPeer peer;
  private final Metadata metadata;
  private final String traceId;
  private final Optional<Deadline> deadline;
  private final int maxUnsent;
  private final Runnable released;
  private final Consumer<ReasonCode> refusals;
  private final Map<String, Object> attributes = new ConcurrentHashMap<>();

  // Guarded by this.
  private final Queue<Message> unsent = new ArrayDeque<>();
  private final List<Runnable> onEnd = new ArrayList<>();
  private final List<Runnable> onCancel = new ArrayList<>();
  private Message latest;
  private Runnable onDrained;
  private boolean headersSent;
  private boolean closed;
  private boolean working;
  private boolean cancelled;
  private Status.Code code;

  RpcCall(
      ServerCall<Object, Object> call,
      RpcPeer peer,
      Metadata metadata,
      String traceId,
      int maxUnsent,
      Runnable released,
      Consumer<ReasonCode> refusals) {
    this.call = call;
    this.peer = peer;
    this.metadata = metadata;
    this.traceId = traceId;
    this.deadline = Optional.ofNullable(Context.current().getDeadline());
    this.maxUnsent = maxUnsent;
    this.released = released;
    this.refusals = refusals;
  }

  public RpcPeer peer() {
    return peer;
  }

  /** For instance {@code spire.api.server.agent.v1.Agent/AttestAgent}. */
  public String method() {
    return call.getMethodDescriptor().getFullMethodName();
  }

  /** The request headers. */
  public Metadata metadata() {
    return metadata;
  }

  /** From the caller's traceparent, or made for this call; 32 hex digits. */
  public String traceId() {
    return traceId;
  }

  /** What is left of the caller's deadline; empty when it set none. */
  public Optional<Duration> remaining() {
    return deadline.map(d -> Duration.ofNanos(Math.max(0, d.timeRemaining(TimeUnit.NANOSECONDS))));
  }

  /** Live as long as the call: the memory of a conversation. */
  public Map<String, Object> attributes() {
    return attributes;
  }

  /** False once the call was completed, refused or cancelled. */
  public synchronized boolean isOpen() {
    return !closed;
  }

  /** Whether a route works on it now; an open stream between two messages only waits. */
  synchronized boolean isWorking() {
    return working;
  }

  synchronized void working(boolean now) {
    working = now;
  }

  /** Whether the client has gone away, or its deadline has passed, before there was an answer. */
  public synchronized boolean isCancelled() {
    return cancelled;
  }

  /**
   * Sends a message of a stream. A reader that stays further behind than the limit allows loses its
   * stream with OVERLOADED.
   *
   * @return false when the call has ended
   */
  public boolean send(Message message) {
    synchronized (this) {
      if (closed) {
        return false;
      }
      if (unsent.size() < maxUnsent) {
        unsent.add(message);
        drainQueue();
        return true;
      }
    }
    refuse(
        new Refused(
            new Reason(ReasonCode.OVERLOADED, "the reader is too slow"),
            traceId,
            Optional.empty()));
    return false;
  }

  /**
   * Sends a message that replaces every earlier one: while the reader is behind, only the newest
   * waits. For streams whose every message is the whole state.
   *
   * @return false when the call has ended
   */
  public synchronized boolean sendLatest(Message message) {
    if (closed) {
      return false;
    }
    latest = message;
    drainQueue();
    return true;
  }

  /** Ends the call well, after all messages. */
  public void complete() {
    close(Status.OK, new Metadata(), true);
  }

  /** Ends the call with the status of a refusal. */
  public void refuse(Refused refused) {
    StatusRuntimeException status = RpcStatus.of(refused);
    if (close(status.getStatus(), trailers(status), false)) {
      refusals.accept(refused.reason().code());
    }
  }

  /** Runs once when the client goes away or its deadline passes; at once if it already has. */
  public void onCancel(Runnable action) {
    synchronized (this) {
      if (!cancelled) {
        if (!closed) {
          onCancel.add(action);
        }
        return;
      }
    }
    action.run();
  }

  /** Runs once when the call ends for any reason; at once if it already has. */
  public void onEnd(Runnable action) {
    synchronized (this) {
      if (!closed) {
        onEnd.add(action);
        return;
      }
    }
    action.run();
  }

  /** What the call ended with; empty while it is open. */
  synchronized Optional<Status.Code> code() {
    return Optional.ofNullable(code);
  }

  /** Sends the bodies of one exchange; the action runs when the reader has taken them all. */
  void sendAll(List<Message> messages, Runnable drained) {
    boolean now;
    synchronized (this) {
      if (closed) {
        return;
      }
      unsent.addAll(messages);
      drainQueue();
      now = unsent.isEmpty();
      if (!now) {
        onDrained = drained;
      }
    }
    if (now) {
      drained.run();
    }
  }

  synchronized void request(int messages) {
    if (!closed) {
      call.request(messages);
    }
  }

  void ready() {
    Runnable drained = null;
    synchronized (this) {
      if (closed) {
        return;
      }
      drainQueue();
      if (unsent.isEmpty()) {
        drained = onDrained;
        onDrained = null;
      }
    }
    if (drained != null) {
      drained.run();
    }
  }

  void cancelled() {
    List<Runnable> actions;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      cancelled = true;
      code = Status.Code.CANCELLED;
      actions = new ArrayList<>(onCancel);
      actions.addAll(onEnd);
      forget();
    }
    run(actions);
  }

  private void drainQueue() {
    while (call.isReady() || !headersSent) {
      Message next = unsent.poll();
      if (next == null) {
        next = latest;
        latest = null;
      }
      if (next == null) {
        return;
      }
      write(next);
    }
  }

  private void write(Message message) {
    if (!headersSent) {
      headersSent = true;
      call.sendHeaders(new Metadata());
    }
    call.sendMessage(message);
  }

  /** False when the call had ended before. */
  private boolean close(Status status, Metadata trailers, boolean flush) {
    List<Runnable> actions;
    synchronized (this) {
      if (closed) {
        return false;
      }
      closed = true;
      code = status.getCode();
      if (flush) {
        unsent.forEach(this::write);
        if (latest != null) {
          write(latest);
        }
        if (!headersSent) {
          headersSent = true;
          call.sendHeaders(new Metadata());
        }
      }
      call.close(status, trailers);
      actions = new ArrayList<>(onEnd);
      forget();
    }
    run(actions);
    return true;
  }

  private void forget() {
    onEnd.clear();
    onCancel.clear();
    unsent.clear();
    latest = null;
    onDrained = null;
  }

  private void run(List<Runnable> actions) {
    try {
      actions.forEach(Runnable::run);
    } finally {
      released.run();
    }
  }

  private static Metadata trailers(StatusRuntimeException status) {
    return Optional.ofNullable(status.getTrailers()).orElseGet(Metadata::new);
  }
}
