package dev.serai.management;

import dev.serai.reason.Reason;
import java.time.Instant;
import java.util.Optional;

/** What each route refused last. */
@FunctionalInterface
public interface LastFailures {

  Optional<Failure> of(String routeId);

  /** A refusal, as the route's health shows it. */
  record Failure(Reason reason, Instant at, String traceId) {}
}
