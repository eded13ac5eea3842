package dev.serai.issuing;

import dev.serai.reason.Kind;
import dev.serai.reason.ReasonCode;
import dev.serai.role.Meters;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.function.BiConsumer;

/** The issuer's meters. */
final class IssuerMeters {
  private static final String ATTEST = "spire.api.server.agent.v1.Agent/AttestAgent";

  private IssuerMeters() {}

  static void bind(MeterRegistry meters, Authority authority, EntryIndex entries) {
    for (String kind : new String[] {"agent", "role", "x509", "jwt"}) {
      issued(meters, kind);
    }
    for (Authority.Use use : Authority.Use.values()) {
      Meters.expiry(
          meters,
          "serai.authority.expiry.timestamp",
          "Until when the authority in use may sign",
          () -> authority.activeUntil(use),
          "kind",
          use.word());
      Gauge.builder("serai.bundle.authorities", authority, a -> a.bundle().size(use))
          .description("Authorities in the trust bundle")
          .tag("kind", use.word())
          .register(meters);
    }
    Gauge.builder("serai.bundle.sequence", authority, a -> a.bundle().sequence())
        .description("Sequence number of the trust bundle; rises with each change")
        .register(meters);
    Gauge.builder("serai.entries", entries, EntryIndex::size)
        .description("Registration entries")
        .register(meters);
  }

  /** kind: agent, role, x509 or jwt. */
  static Counter issued(MeterRegistry meters, String kind) {
    return Meters.counter(meters, "serai.svids.issued", "SVIDs signed", "kind", kind);
  }

  static Counter attested(MeterRegistry meters) {
    return attestations(meters, "trusted", "NONE");
  }

  /** Counts the attestations that ended with a reason. */
  static BiConsumer<String, ReasonCode> refusedAttestations(MeterRegistry meters) {
    attested(meters);
    Meters.denials().forEach(code -> attestations(meters, "rejected", code.name()));
    attestations(meters, "failed", ReasonCode.INTERNAL_ERROR.name());
    attestations(meters, "failed", ReasonCode.PEER_UNAVAILABLE.name());
    return (method, code) -> {
      if (method.equals(ATTEST)) {
        attestations(meters, code.kind() == Kind.DENIED ? "rejected" : "failed", code.name())
            .increment();
      }
    };
  }

  private static Counter attestations(MeterRegistry meters, String result, String reason) {
    return Meters.counter(
        meters,
        "serai.attestations",
        "Attestations of agents, by what came of them",
        "result",
        result,
        "reason",
        reason);
  }
}
