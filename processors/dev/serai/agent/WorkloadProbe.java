package dev.serai.agent;

import dev.serai.net.SpiffeChannels;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthGrpc;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Looks at the Workload API as a workload would: connects to its socket, by the path that workloads
 * use, and asks whether the service runs. A socket that somebody removed, or a listener that takes
 * no more connections, is found here and nowhere else. One look that fails may be bad luck; two are
 * a finding.
 */
final class WorkloadProbe implements AutoCloseable {
  private static final String SERVICE = "SpiffeWorkloadAPI";
  private static final Duration BOUND = Duration.ofSeconds(10);
  private static final int BAD_LUCK = 1;

  private final Path socket;
  private final Duration between;
  private final Duration first;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          action -> {
            Thread made = new Thread(action, "agent-workload-probe");
            made.setDaemon(true);
            return made;
          });
  private volatile Optional<String> trouble = Optional.of("it was not looked at yet");
  // The probe's thread only.
  private int failures;

  /**
   * @param first between two looks until one succeeds
   * @param between afterwards
   */
  WorkloadProbe(Path socket, Duration first, Duration between) {
    this.socket = socket;
    this.first = first;
    this.between = between;
  }

  void start() {
    thread.execute(this::look);
  }

  /** Why workloads are not answered; empty when they are. From memory. */
  Optional<String> trouble() {
    return trouble;
  }

  private void look() {
    try {
      Optional<String> found = ask();
      failures = found.isEmpty() ? 0 : failures + 1;
      if (found.isEmpty() || failures > BAD_LUCK) {
        trouble = found;
      }
    } finally {
      Duration pause = trouble.isEmpty() ? between : first;
      if (!thread.isShutdown()) {
        var unused = thread.schedule(this::look, pause.toMillis(), TimeUnit.MILLISECONDS);
      }
    }
  }

  private Optional<String> ask() {
    if (!Files.exists(socket)) {
      return Optional.of("there is no socket " + socket);
    }
    ManagedChannel channel = SpiffeChannels.unix(socket);
    try {
      HealthCheckResponse answer =
          HealthGrpc.newBlockingStub(channel)
              .withDeadlineAfter(BOUND.toMillis(), TimeUnit.MILLISECONDS)
              .check(HealthCheckRequest.newBuilder().setService(SERVICE).build());
      return answer.getStatus() == HealthCheckResponse.ServingStatus.SERVING
          ? Optional.empty()
          : Optional.of("the service behind " + socket + " does not run");
    } catch (StatusRuntimeException e) {
      return Optional.of("%s gives no answer: %s".formatted(socket, e.getStatus().getCode()));
    } finally {
      channel.shutdownNow();
    }
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
