package dev.serai.agent;

import dev.serai.role.Meters;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Optional;

/** Gauges over what the agent holds. */
final class AgentMeters {
  private AgentMeters() {}

  static void bind(MeterRegistry meters, AgentStatus status, WorkloadSvids svids) {
    Meters.expiry(
        meters,
        "serai.agent.svid.expiry.timestamp",
        "When the agent's own SVID ends",
        () ->
            status.state() instanceof AgentState.Attested attested
                ? Optional.of(attested.svid().notAfter())
                : Optional.empty());
    Meters.expiry(
        meters,
        "serai.workload.svid.expiry.timestamp",
        "When the first of the SVIDs held for workloads ends",
        svids::firstEnd);
    Meters.expiry(
        meters,
        "serai.agent.sync.timestamp",
        "When entries and bundle were last synchronised",
        svids::lastSync);
    Gauge.builder("serai.agent.entries", svids, WorkloadSvids::size)
        .description("Entries this node may hand out identities for")
        .register(meters);
  }
}
