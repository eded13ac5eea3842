package dev.serai.flow;

import dev.serai.reason.ReasonCode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What one flow did in this process, in the order in which its steps began. Bounded; safe for use
 * from any thread.
 */
public final class Flow {
  static final int MAX_STEPS = 256;

  private final String traceId;
  private final String entryRoute;
  private final Instant startedAt;
  private final long startedNanos;
  private final List<FlowStep> steps = new ArrayList<>(16);
  private int left;
  private ReasonCode refusedWith;
  private volatile boolean kept;

  Flow(String traceId, String entryRoute, Instant startedAt, long startedNanos) {
    this.traceId = traceId;
    this.entryRoute = entryRoute;
    this.startedAt = startedAt;
    this.startedNanos = startedNanos;
  }

  /**
   * One step as it is shown.
   *
   * @param startMicros since the flow began
   * @param tookMicros empty while it runs
   */
  public record Step(
      String routeId,
      String stepId,
      String kind,
      long startMicros,
      Optional<Long> tookMicros,
      Optional<ReasonCode> refusedWith) {}

  public String traceId() {
    return traceId;
  }

  /** The route that it began with. */
  public String entryRoute() {
    return entryRoute;
  }

  public Instant startedAt() {
    return startedAt;
  }

  /** What it was first refused with; empty when it was not. */
  public synchronized Optional<ReasonCode> refusedWith() {
    return Optional.ofNullable(refusedWith);
  }

  /** How many steps were not kept. */
  public synchronized int left() {
    return left;
  }

  /** Steps so far. */
  public synchronized List<Step> steps() {
    return steps.stream().map(this::shown).toList();
  }

  /** From the first step to the end of the last one; to now for one that runs. */
  public synchronized long tookMicros() {
    long end = startedNanos;
    for (FlowStep step : steps) {
      Optional<Long> took = step.tookNanos();
      end = Math.max(end, took.isEmpty() ? System.nanoTime() : step.beganNanos() + took.get());
    }
    return (end - startedNanos) / 1_000;
  }

  /** Whether a step has not ended. */
  public synchronized boolean running() {
    return steps.stream().anyMatch(step -> step.tookNanos().isEmpty());
  }

  /** Routes in the order in which they were entered. */
  public synchronized List<String> routes() {
    return steps.stream().map(FlowStep::routeId).distinct().toList();
  }

  private Step shown(FlowStep step) {
    return new Step(
        step.routeId(),
        step.stepId(),
        step.kind(),
        (step.beganNanos() - startedNanos) / 1_000,
        step.tookNanos().map(nanos -> nanos / 1_000),
        step.refusedWith());
  }

  /** Whether it has its place among those shown; else it is on trial. */
  boolean kept() {
    return kept;
  }

  void keep() {
    kept = true;
  }

  synchronized void add(FlowStep step) {
    if (steps.size() < MAX_STEPS) {
      steps.add(step);
    } else {
      left++;
    }
  }

  synchronized void refused(ReasonCode code) {
    if (refusedWith == null) {
      refusedWith = code;
    }
  }
}
