package dev.serai.agent;

import dev.serai.reason.Reason;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.DoubleSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one place that holds the agent's life while it runs: events go in, the state comes out to
 * health, metrics, the command line and the Workload API. Safe for use from any thread.
 */
public final class AgentStatus {
  private static final Logger LOG = LoggerFactory.getLogger(AgentStatus.class);
  private static final List<String> NAMES =
      List.of("STARTING", "TPM_UNAVAILABLE", "UNREGISTERED", "WAITING", "ATTESTED", "DENIED");

  private final InstantSource clock;
  private final DoubleSupplier dice;
  private final List<Listener> listeners = new CopyOnWriteArrayList<>();
  private AgentLifecycle life;
  private AgentState shown;
  private Instant since;
  private Optional<String> nodeId = Optional.empty();

  /** Follows the agent's life. Called in order, on the thread that caused it; must not block. */
  @FunctionalInterface
  public interface Listener {
    /** cause: what happened; empty when only time has passed. */
    void changed(Optional<AgentEvent> cause, AgentState state);
  }

  /** dice: from 0 (inclusive) to 1, for jitter. */
  public AgentStatus(AgentLifecycle.Pace pace, InstantSource clock, DoubleSupplier dice) {
    this.clock = clock;
    this.dice = dice;
    this.life = AgentLifecycle.start(pace);
    this.since = clock.instant();
    this.shown = life.state(since);
  }

  /** What is due now. */
  public synchronized AgentAction next() {
    Instant now = clock.instant();
    life = life.at(now);
    show(now);
    return life.next(now);
  }

  /** Something happened. */
  public synchronized void on(AgentEvent event) {
    Instant now = clock.instant();
    life = life.at(now).on(event, now, dice.getAsDouble());
    show(now, Optional.of(event));
  }

  /** The state now. */
  public synchronized AgentState state() {
    Instant now = clock.instant();
    life = life.at(now);
    show(now);
    return shown;
  }

  /** When the state last changed its name or its reason. */
  public synchronized Instant since() {
    return since;
  }

  /** Whether the agent may call the issuer as a node. */
  public synchronized boolean attested() {
    return life.attested(clock.instant());
  }

  /** Empty until the TPM was opened for the first time. */
  public synchronized Optional<String> nodeId() {
    return nodeId;
  }

  synchronized void nodeId(String id) {
    nodeId = Optional.of(id);
  }

  /** Told of every event, and of every state that came by time alone. */
  public void onChange(Listener listener) {
    listeners.add(listener);
  }

  private void show(Instant now) {
    show(now, Optional.empty());
  }

  private void show(Instant now, Optional<AgentEvent> cause) {
    AgentState state = life.state(now);
    boolean changed =
        !state.name().equals(shown.name())
            || !state.reason().equals(shown.reason())
            || !sameSvid(state, shown);
    shown = state;
    if (changed) {
      since = now;
      log(state);
    }
    if (changed || cause.isPresent()) {
      for (Listener listener : listeners) {
        listener.changed(cause, state);
      }
    }
  }

  private static void log(AgentState state) {
    String why =
        state instanceof AgentState.TpmUnavailable lost
            ? lost.cause() + " | remedy: " + lost.cause().remedy()
            : state.reason().map(Reason::toString).orElse("");
    String next = state.nextTry().map(at -> ", next try " + at).orElse("");
    if (state instanceof AgentState.TpmUnavailable || state instanceof AgentState.Denied) {
      LOG.warn("agent is {} {}{}", state.name(), why, next);
    } else {
      LOG.info("agent is {} {}{}", state.name(), why, next);
    }
  }

  private static boolean sameSvid(AgentState one, AgentState other) {
    return !(one instanceof AgentState.Attested a)
        || other instanceof AgentState.Attested b && a.svid().equals(b.svid());
  }

  /** serai.agent.state with the tag state: 1 for the present one, 0 for the others. */
  void meter(MeterRegistry meters) {
    for (String name : NAMES) {
      Gauge.builder("serai.agent.state", this, s -> s.state().name().equals(name) ? 1 : 0)
          .description("Where the agent stands; 1 for the present state")
          .tag("state", name)
          .register(meters);
    }
  }
}
