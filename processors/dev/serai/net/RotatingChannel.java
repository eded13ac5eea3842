package dev.serai.net;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A channel that leaves its connection behind when the identity it was made with changes. Calls
 * under way finish on the old connection within a grace period; then it is closed, so that no
 * connection outlives its identity by more than that.
 */
final class RotatingChannel extends ManagedChannel {
  private static final Logger LOG = LoggerFactory.getLogger(RotatingChannel.class);
  private static final long GRACE_SECONDS = 20;
  private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Supplier<ManagedChannel> factory;
  private final BooleanSupplier ready;
  private final AutoCloseable subscription;
  private volatile ManagedChannel current;
  private volatile long lastRetry = System.nanoTime();
  private boolean closed;

  /** Never rotates, but reconnects as the others do. */
  RotatingChannel(Supplier<ManagedChannel> factory, BooleanSupplier ready) {
    this.factory = factory;
    this.ready = ready;
    this.current = factory.get();
    this.subscription = () -> {};
  }

  RotatingChannel(Supplier<ManagedChannel> factory, MaterialSource source) {
    this.factory = factory;
    this.ready = () -> source.current().isPresent();
    this.current = factory.get();
    this.subscription = source.onChange(this::rotate);
  }

  private synchronized void rotate() {
    if (closed) {
      return;
    }
    ManagedChannel old = current;
    current = factory.get();
    old.shutdown();
    Executor later = CompletableFuture.delayedExecutor(GRACE_SECONDS, TimeUnit.SECONDS);
    later.execute(old::shutdownNow);
  }

  @Override
  public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
    ManagedChannel channel = current;
    if (!ready.getAsBoolean()) {
      return new NotReadyCall<>();
    }
    // The caller decides how often it calls; the back-off of a dead connection, up to two minutes,
    // must not add to that once the server is back.
    if (channel.getState(false) == ConnectivityState.TRANSIENT_FAILURE
        && System.nanoTime() - lastRetry > RETRY_NANOS) {
      lastRetry = System.nanoTime();
      channel.resetConnectBackoff();
    }
    return channel.newCall(method, options);
  }

  @Override
  public String authority() {
    return current.authority();
  }

  @Override
  public ConnectivityState getState(boolean requestConnection) {
    return current.getState(requestConnection);
  }

  @Override
  public void notifyWhenStateChanged(ConnectivityState source, Runnable callback) {
    current.notifyWhenStateChanged(source, callback);
  }

  @Override
  public void resetConnectBackoff() {
    current.resetConnectBackoff();
  }

  @Override
  public void enterIdle() {
    current.enterIdle();
  }

  @Override
  public ManagedChannel shutdown() {
    close();
    current.shutdown();
    return this;
  }

  @Override
  public ManagedChannel shutdownNow() {
    close();
    current.shutdownNow();
    return this;
  }

  private synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      subscription.close();
    } catch (Exception e) {
      LOG.warn("while closing a channel", e);
    }
  }

  @Override
  public boolean isShutdown() {
    return current.isShutdown();
  }

  @Override
  public boolean isTerminated() {
    return current.isTerminated();
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
    return current.awaitTermination(timeout, unit);
  }

  /** Fails at once, and as a server that is down does. */
  private static final class NotReadyCall<Q, A> extends ClientCall<Q, A> {
    @Override
    public void start(Listener<A> listener, Metadata headers) {
      listener.onClose(
          Status.UNAVAILABLE.withDescription("there is no identity or trust bundle yet"),
          new Metadata());
    }

    @Override
    public void request(int messages) {}

    @Override
    public void cancel(String message, Throwable cause) {}

    @Override
    public void halfClose() {}

    @Override
    public void sendMessage(Q message) {}
  }
}
