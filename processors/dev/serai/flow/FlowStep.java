package dev.serai.flow;

import dev.serai.reason.ReasonCode;
import java.util.Optional;

/**
 * One step of a flow: begun when it is made, ended later, on any thread. Steps inside of it (those
 * of a choice, or of a route that it calls) lie within its time.
 */
final class FlowStep {
  private static final long RUNNING = -1;

  private final String routeId;
  private final String stepId;
  private final String kind;
  private final String exchangeId;
  private final long beganNanos;
  private volatile long tookNanos = RUNNING;
  private volatile ReasonCode refusedWith;

  FlowStep(String routeId, String stepId, String kind, String exchangeId, long beganNanos) {
    this.routeId = routeId;
    this.stepId = stepId;
    this.kind = kind;
    this.exchangeId = exchangeId;
    this.beganNanos = beganNanos;
  }

  /** Where it is. */
  String routeId() {
    return routeId;
  }

  String stepId() {
    return stepId;
  }

  /** What it is in Camel's words: process, to, choice. */
  String kind() {
    return kind;
  }

  String exchangeId() {
    return exchangeId;
  }

  /** On the clock of System.nanoTime. */
  long beganNanos() {
    return beganNanos;
  }

  void end(long nowNanos, ReasonCode refusal) {
    refusedWith = refusal;
    tookNanos = Math.max(0, nowNanos - beganNanos);
  }

  /** Empty while it runs. */
  Optional<Long> tookNanos() {
    long took = tookNanos;
    return took == RUNNING ? Optional.empty() : Optional.of(took);
  }

  /** Empty when it went well, or runs. */
  Optional<ReasonCode> refusedWith() {
    return Optional.ofNullable(refusedWith);
  }
}
