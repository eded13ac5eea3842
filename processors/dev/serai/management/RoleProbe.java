package dev.serai.management;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.role.RoleHealth;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Asks a role how it is, within a bound. A role that does not answer is not ready, and is not asked
 * a second time while the first question is still open.
 */
final class RoleProbe implements AutoCloseable {
  private static final Duration BOUND = Duration.ofMillis(250);

  private final Map<String, Future<RoleHealth.Standing>> open = new ConcurrentHashMap<>();
  private final ExecutorService threads =
      Executors.newCachedThreadPool(
          action -> {
            Thread thread = new Thread(action, "serai-health");
            thread.setDaemon(true);
            return thread;
          });

  RoleHealth.Standing ask(String role, RoleHealth health) {
    Future<RoleHealth.Standing> earlier = open.get(role);
    if (earlier != null && earlier.isDone()) {
      open.remove(role, earlier); // an answer to an old question
    }
    Future<RoleHealth.Standing> asked =
        open.computeIfAbsent(role, name -> threads.submit(health::standing));
    try {
      RoleHealth.Standing standing = asked.get(BOUND.toMillis(), TimeUnit.MILLISECONDS);
      open.remove(role, asked);
      return standing;
    } catch (TimeoutException e) {
      return unknown(ReasonCode.DEADLINE_EXCEEDED, "the role does not say how it is");
    } catch (ExecutionException e) {
      open.remove(role, asked);
      return unknown(ReasonCode.INTERNAL_ERROR, "the role cannot say how it is");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return unknown(ReasonCode.DEADLINE_EXCEEDED, "interrupted");
    }
  }

  private static RoleHealth.Standing unknown(ReasonCode code, String detail) {
    return new RoleHealth.Standing("UNKNOWN", Optional.of(new Reason(code, detail)), Map.of());
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
