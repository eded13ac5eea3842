package dev.serai.agent;

import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * A stream in both directions, used as a conversation by one thread. Closed after {@link
 * #complete()} it waits a moment for the other side's good end; else it is cancelled.
 */
final class BidiCall<Q, A> implements AutoCloseable {
  private static final Duration FAREWELL = Duration.ofSeconds(1);

  private final BlockingQueue<Said<A>> answers = new LinkedBlockingQueue<>();
  private volatile ClientCallStreamObserver<Q> call;
  private volatile StreamObserver<Q> requests;
  private volatile boolean ended;
  private boolean completed;

  private record Said<A>(Optional<A> message, Optional<Throwable> failure) {}

  private BidiCall() {}

  /** start: the stub's method. */
  static <Q, A> BidiCall<Q, A> open(Function<StreamObserver<A>, StreamObserver<Q>> start) {
    BidiCall<Q, A> opened = new BidiCall<>();
    opened.requests = start.apply(opened.new Answers());
    return opened;
  }

  void send(Q message) {
    if (!ended) {
      requests.onNext(message);
    }
  }

  /** No more from our side. */
  void complete() {
    completed = true;
    if (!ended) {
      requests.onCompleted();
    }
  }

  /**
   * The next message; empty when the other side has ended the stream in good order.
   *
   * @throws io.grpc.StatusRuntimeException what the stream ended with, or DEADLINE_EXCEEDED
   */
  Optional<A> next(Duration patience) {
    Said<A> said;
    try {
      said = answers.poll(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Status.CANCELLED.withDescription("the process is stopping").asRuntimeException();
    }
    if (said == null) {
      throw Status.DEADLINE_EXCEEDED
          .withDescription("no answer in " + patience.toMillis() + " ms")
          .asRuntimeException();
    }
    if (said.failure().isPresent()) {
      Throwable failure = said.failure().get();
      throw Status.fromThrowable(failure).asRuntimeException(Status.trailersFromThrowable(failure));
    }
    return said.message();
  }

  @Override
  public void close() {
    if (completed) {
      awaitEnd();
    }
    if (!ended) {
      call.cancel("given up", null);
    }
  }

  /** All that was wanted has been said: what still comes, even a failure, changes nothing. */
  private void awaitEnd() {
    long end = System.nanoTime() + FAREWELL.toNanos();
    try {
      while (!ended && System.nanoTime() < end) {
        Said<A> said = answers.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
        if (said != null && said.message().isEmpty()) {
          return;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private final class Answers implements ClientResponseObserver<Q, A> {
    @Override
    public void beforeStart(ClientCallStreamObserver<Q> requestStream) {
      call = requestStream;
    }

    @Override
    public void onNext(A message) {
      answers.add(new Said<>(Optional.of(message), Optional.empty()));
    }

    @Override
    public void onError(Throwable failure) {
      ended = true;
      answers.add(new Said<>(Optional.empty(), Optional.of(failure)));
    }

    @Override
    public void onCompleted() {
      ended = true;
      answers.add(new Said<>(Optional.empty(), Optional.empty()));
    }
  }
}
