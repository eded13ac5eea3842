package dev.serai.agent;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.time.InstantSource;
import java.util.Optional;

/**
 * Decides what workloads see: identities, "not yet", or "no". Rounds of synchronisation and changes
 * of the agent's standing come from different threads; here they are put in order, and a round that
 * began before a refusal is not published after it.
 */
final class IdentityPublisher implements AgentStatus.Listener {
  private final WorkloadSvids svids;
  private final AgentIdentity identity;
  private final Outlet outlet;
  private final Runnable syncNow;
  private final InstantSource clock;
  private boolean serving;

  /** Where it is published: the Workload API. */
  interface Outlet {
    void serve(WorkloadSvids.Holdings holdings);

    void waiting(Reason reason);

    void denied(Reason reason);
  }

  /** syncNow: asks for a synchronisation; must not block. */
  IdentityPublisher(
      WorkloadSvids svids,
      AgentIdentity identity,
      Outlet outlet,
      Runnable syncNow,
      InstantSource clock) {
    this.svids = svids;
    this.identity = identity;
    this.outlet = outlet;
    this.syncNow = syncNow;
    this.clock = clock;
  }

  /** The result of a synchronisation. */
  synchronized void publish(SyncRound round) {
    if (svids.take(round, clock.instant())) {
      svids
          .holdings()
          .ifPresentOrElse(
              this::serve,
              () -> waiting(new Reason(ReasonCode.AGENT_NOT_READY, "no SVID was issued yet")));
    }
  }

  /** Time has passed without a synchronisation: what has ended is taken back. */
  synchronized void dropEnded(AgentState state) {
    if (svids.dropEnded(clock.instant())) {
      svids.holdings().ifPresentOrElse(this::serve, () -> waiting(why(state)));
    }
  }

  @Override
  public synchronized void changed(Optional<AgentEvent> cause, AgentState state) {
    if (state instanceof AgentState.Denied denied) {
      identity.forget();
      svids.drop();
      serving = false;
      outlet.denied(denied.cause());
      return;
    }
    if (cause.orElse(null) instanceof AgentEvent.NodeRefused refused) {
      identity.forget();
      if (endsHoldings(refused.reason().code())) {
        svids.drop();
        waiting(refused.reason());
      }
      return;
    }
    if (state instanceof AgentState.Attested) {
      if (cause.isPresent()) {
        syncNow.run();
      }
    } else if (!serving) {
      waiting(why(state));
    }
  }

  /**
   * The issuer has no node of this identity. Not so when an SVID merely ended or has to be renewed
   * in another way: then the workloads keep what they have until it ends.
   */
  private static boolean endsHoldings(ReasonCode code) {
    return code != ReasonCode.NODE_EXPIRED && code != ReasonCode.NODE_MUST_REATTEST;
  }

  private void serve(WorkloadSvids.Holdings holdings) {
    serving = true;
    outlet.serve(holdings);
  }

  private void waiting(Reason reason) {
    serving = false;
    outlet.waiting(reason);
  }

  private static Reason why(AgentState state) {
    return state
        .reason()
        .orElseGet(() -> new Reason(ReasonCode.AGENT_NOT_READY, "the agent is " + state.name()));
  }
}
