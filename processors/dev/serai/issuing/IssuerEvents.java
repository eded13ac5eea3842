package dev.serai.issuing;

import dev.serai.appraisal.Rejected;
import dev.serai.appraisal.StateReport;
import dev.serai.flow.Timeline;
import dev.serai.flow.Timeline.Kind;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.ShowNodeRequest;
import java.util.List;
import java.util.function.BiFunction;

/** Puts what the issuer decided of nodes on the timeline, after it is decided. */
final class IssuerEvents {
  private static final String SOURCE = "issuer";

  private final Timeline timeline;

  IssuerEvents(Timeline timeline) {
    this.timeline = timeline;
  }

  void admitted(Attestation.Issued issued) {
    AttestedNode node = issued.node();
    timeline.record(
        Kind.ATTESTATION,
        SOURCE,
        node.appraised().map(AttestedNode.Appraised::nodeId).orElse("by " + node.attestationType()),
        node.appraised().isPresent() ? "TRUSTED" : "ADMITTED",
        List.of());
  }

  void cameBack() {
    timeline.record(
        Kind.ATTESTATION, SOURCE, "by " + AttestationOpening.SERAI_ROLE, "ADMITTED", List.of());
  }

  void rejected(Rejected verdict) {
    timeline.record(Kind.ATTESTATION, SOURCE, verdict.nodeId(), "REJECTED", verdict.reasons());
  }

  StateReport applied(StateReport report) {
    timeline.record(Kind.VERDICT, SOURCE, report.nodeId(), report.state().name(), report.reasons());
    return report;
  }

  /** The same action, noted when it is done. */
  BiFunction<Caller.Local, ShowNodeRequest, NodeView> acting(
      String what, BiFunction<Caller.Local, ShowNodeRequest, NodeView> action) {
    return (caller, request) -> {
      NodeView after = action.apply(caller, request);
      timeline.record(Kind.ADMINISTRATION, SOURCE, after.getNodeId(), what, List.of());
      return after;
    };
  }
}
