package dev.serai.breaker;

import java.time.Instant;
import java.util.Optional;

/**
 * A breaker at one moment, as health, JMX and the command line show it.
 *
 * @param since when it came into this state
 * @param failures questions in a row without a usable answer
 * @param nextTry when the next question is let through; empty while all are
 * @param trouble the last failure of these, for people; empty when there is none
 */
public record BreakerState(
    Breakers.Kind kind,
    String name,
    Breaker.State state,
    Instant since,
    int failures,
    Optional<Instant> nextTry,
    String trouble) {}
