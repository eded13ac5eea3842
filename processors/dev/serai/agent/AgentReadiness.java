package dev.serai.agent;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.role.RoleHealth;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Whether the agent can answer workloads, which is more than that its process runs: it is attested
 * and its own SVID is good, it holds the trust bundle, its entries are those of a moment ago, and
 * the socket that workloads use is answered. The first of these that is missing is the reason.
 */
final class AgentReadiness implements RoleHealth {
  private final AgentStatus status;
  private final BooleanSupplier bundleHeld;
  private final Supplier<Optional<Instant>> lastSync;
  private final Duration oldestSync;
  private final Supplier<Optional<String>> socketTrouble;
  private final InstantSource clock;

  /**
   * @param lastSync when the entries were last those the issuer has
   * @param oldestSync how long ago that may be
   * @param socketTrouble why workloads are not answered
   */
  AgentReadiness(
      AgentStatus status,
      BooleanSupplier bundleHeld,
      Supplier<Optional<Instant>> lastSync,
      Duration oldestSync,
      Supplier<Optional<String>> socketTrouble,
      InstantSource clock) {
    this.status = status;
    this.bundleHeld = bundleHeld;
    this.lastSync = lastSync;
    this.oldestSync = oldestSync;
    this.socketTrouble = socketTrouble;
    this.clock = clock;
  }

  @Override
  public Standing standing() {
    AgentState state = status.state();
    Instant now = clock.instant();
    Optional<Instant> synced = lastSync.get();
    Standing standing = new Standing(state.name(), notReady(state, synced, now), Map.of());
    standing = standing.with("since", status.since().toString());
    if (status.nodeId().isPresent()) {
      standing = standing.with("node", status.nodeId().get());
    }
    if (state.nextTry().isPresent()) {
      Instant next = state.nextTry().get();
      standing = standing.with("nextTry", (next.isBefore(now) ? now : next).toString());
    }
    if (state instanceof AgentState.Attested attested) {
      standing =
          standing
              .with("spiffeId", attested.svid().spiffeId())
              .with("svidNotAfter", attested.svid().notAfter().toString());
    }
    return synced.isPresent() ? standing.with("lastSync", synced.get().toString()) : standing;
  }

  private Optional<Reason> notReady(AgentState state, Optional<Instant> synced, Instant now) {
    if (!(state instanceof AgentState.Attested)) {
      return Optional.of(
          state
              .reason()
              .orElseGet(
                  () -> new Reason(ReasonCode.AGENT_NOT_READY, "the agent is " + state.name())));
    }
    if (!bundleHeld.getAsBoolean()) {
      return Optional.of(
          new Reason(ReasonCode.TRUST_BUNDLE_MISSING, "the agent holds no authority"));
    }
    Optional<String> silent = socketTrouble.get();
    if (silent.isPresent()) {
      return Optional.of(new Reason(ReasonCode.WORKLOAD_API_DOWN, silent.get()));
    }
    if (synced.isEmpty()) {
      return Optional.of(
          new Reason(ReasonCode.AGENT_NOT_READY, "the entries did not come from the issuer yet"));
    }
    Duration age = Duration.between(synced.get(), now);
    return age.compareTo(oldestSync) > 0
        ? Optional.of(
            new Reason(
                ReasonCode.ENTRIES_STALE,
                "the entries are those of %s, %d s ago".formatted(synced.get(), age.toSeconds())))
        : Optional.empty();
  }
}
