package dev.serai.watching;

import dev.serai.role.NeverBack;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.time.Duration;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * One circuit breaker for each node, made when the node is first asked; those not used for longest
 * go when there are too many. A few questions in a row without answer open it; after a while one
 * question is let through to try.
 */
final class NodeBreakers {
  static final String CLOSED = CircuitBreaker.State.CLOSED.name();

  private static final int FAILURES = 3;
  private static final String METER = "serai.breaker.state";

  private final CircuitBreakerConfig config;
  private final MeterRegistry meters;
  private final int limit;
  private final Map<String, CircuitBreaker> byNode = new LinkedHashMap<>(16, 0.75f, true);

  NodeBreakers(Duration open, int limit, InstantSource wallClock, MeterRegistry meters) {
    InstantSource clock = new NeverBack(wallClock);
    this.limit = limit;
    this.meters = meters;
    this.config =
        CircuitBreakerConfig.custom()
            .slidingWindowSize(FAILURES)
            .minimumNumberOfCalls(FAILURES)
            .failureRateThreshold(100)
            .permittedNumberOfCallsInHalfOpenState(1)
            .waitDurationInOpenState(open)
            .currentTimestampFunction(c -> clock.millis(), TimeUnit.MILLISECONDS)
            .clock(clock.withZone(ZoneOffset.UTC))
            .build();
  }

  /** The node's breaker. */
  synchronized CircuitBreaker of(String nodeId) {
    CircuitBreaker known = byNode.get(nodeId);
    if (known != null) {
      return known;
    }
    if (byNode.size() >= limit) {
      drop(byNode.keySet().iterator().next());
    }
    CircuitBreaker made = CircuitBreaker.of(nodeId, config);
    byNode.put(nodeId, made);
    Gauge.builder(METER, made, NodeBreakers::number)
        .description("0 closed, 1 half open, 2 open")
        .tags(Tags.of("node", nodeId))
        .register(meters);
    return made;
  }

  /** CLOSED, OPEN or HALF_OPEN. */
  synchronized String state(String nodeId) {
    CircuitBreaker known = byNode.get(nodeId);
    return known == null ? CLOSED : known.getState().name();
  }

  synchronized boolean knows(String nodeId) {
    return byNode.containsKey(nodeId);
  }

  private void drop(String nodeId) {
    byNode.remove(nodeId);
    Gauge gauge = meters.find(METER).tag("node", nodeId).gauge();
    if (gauge != null) {
      meters.remove(gauge);
    }
  }

  private static double number(CircuitBreaker breaker) {
    return switch (breaker.getState()) {
      case OPEN, FORCED_OPEN -> 2;
      case HALF_OPEN -> 1;
      default -> 0;
    };
  }
}
