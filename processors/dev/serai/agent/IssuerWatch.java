package dev.serai.agent;

import dev.serai.proto.serai.v1.NodeGrpc;
import dev.serai.proto.serai.v1.WatchEvent;
import dev.serai.proto.serai.v1.WatchRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.DoubleSupplier;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Route step: keeps the stream open on which the issuer tells of changes. Each message asks for a
 * synchronisation; an end with a refusal changes the agent's life at once. An issuer without this
 * stream (a stock one) is only polled.
 */
final class IssuerWatch implements Processor, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(IssuerWatch.class);
  private static final Backoff BACKOFF = new Backoff(Duration.ofMillis(250), Duration.ofSeconds(5));
  private static final Duration UNKNOWN_THERE = Duration.ofMinutes(5);
  private static final Instant CLOSED = Instant.MAX;

  private final Issuer issuer;
  private final AgentStatus status;
  private final Runnable changed;
  private final InstantSource clock;
  private final DoubleSupplier dice;
  private Optional<Stream> open = Optional.empty();
  private Instant endedAt = Instant.MIN;
  private Instant next = Instant.MIN;
  private int failures;
  private boolean unknownThere;

  /** changed: asks for a synchronisation; must not block. */
  IssuerWatch(
      Issuer issuer,
      AgentStatus status,
      Runnable changed,
      InstantSource clock,
      DoubleSupplier dice) {
    this.issuer = issuer;
    this.status = status;
    this.changed = changed;
    this.clock = clock;
    this.dice = dice;
  }

  @Override
  public void process(Exchange exchange) {
    keep();
  }

  /** Opens the stream if the node is attested and there is none. */
  void keep() {
    Stream stream;
    synchronized (this) {
      long generation = issuer.generation();
      if (open.isPresent() && open.get().generation != generation) {
        Stream former = open.get();
        open = Optional.empty();
        former.call.cancel("the identity is a new one", null);
      }
      if (open.isPresent() || !status.attested() || pausing(clock.instant())) {
        return;
      }
      stream = new Stream(generation);
      open = Optional.of(stream);
    }
    NodeGrpc.newStub(issuer.asNode()).watch(WatchRequest.getDefaultInstance(), stream);
  }

  /**
   * The issuer answered another call, so it is back and nothing is gained by waiting: until the
   * stream is open this node does not hear when it is refused.
   */
  void issuerAnswered() {
    synchronized (this) {
      if (!unknownThere && !next.equals(CLOSED)) {
        next = Instant.MIN;
      }
    }
    keep();
  }

  /** Not when the clock was set back since the pause began. */
  private boolean pausing(Instant now) {
    return now.isBefore(next) && !now.isBefore(endedAt);
  }

  private synchronized boolean ended(Stream stream, Duration pause, boolean unknown) {
    if (open.filter(present -> present == stream).isEmpty()) {
      return false;
    }
    open = Optional.empty();
    endedAt = clock.instant();
    next = endedAt.plus(pause);
    unknownThere = unknown;
    return true;
  }

  private synchronized Duration afterFailure() {
    failures = Math.min(failures + 1, 1000);
    return BACKOFF.after(failures, dice.getAsDouble());
  }

  private synchronized void works() {
    failures = 0;
  }

  @Override
  public void close() {
    Optional<Stream> last;
    synchronized (this) {
      last = open;
      open = Optional.empty();
      endedAt = Instant.MIN;
      next = CLOSED;
    }
    last.ifPresent(stream -> stream.call.cancel("the agent stops", null));
  }

  private final class Stream implements ClientResponseObserver<WatchRequest, WatchEvent> {
    private final long generation;
    private volatile ClientCallStreamObserver<WatchRequest> call;

    private Stream(long generation) {
      this.generation = generation;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<WatchRequest> requestStream) {
      call = requestStream;
    }

    @Override
    public void onNext(WatchEvent event) {
      works();
      changed.run();
    }

    @Override
    public void onError(Throwable failure) {
      Status end = Status.fromThrowable(failure);
      boolean unknown = end.getCode() == Status.Code.UNIMPLEMENTED;
      if (!ended(this, unknown ? UNKNOWN_THERE : afterFailure(), unknown)) {
        return; // closed by us
      }
      RuntimeException named =
          issuer.failedAsNode(
              new StatusRuntimeException(
                  end.withCause(failure), Status.trailersFromThrowable(failure)),
              generation);
      LOG.debug("the issuer ended its stream: {}", named.getMessage());
    }

    @Override
    public void onCompleted() {
      ended(this, Duration.ZERO, false);
    }
  }
}
