package dev.serai.issuing;

import dev.serai.appraisal.StateReport;
import dev.serai.proto.serai.v1.ReportRequest;
import dev.serai.proto.serai.v1.ReportResponse;
import dev.serai.proto.serai.v1.StateReason;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** The verifier's word about a node: read, kept, then acted on. */
final class VerdictReports {
  private static final int MAX_NODE_ID = 80;
  private static final int MAX_REASONS = 64;
  private static final int MAX_DETAIL = 1_024;

  private final NodeStore nodes;

  VerdictReports(NodeStore nodes) {
    this.nodes = nodes;
  }

  StateReport read(Caller.RoleProcess caller, ReportRequest request) {
    if (request.getNodeId().isEmpty() || request.getNodeId().length() > MAX_NODE_ID) {
      throw malformed("node_id is of 1 to " + MAX_NODE_ID + " characters");
    }
    if (request.getReasonsCount() > MAX_REASONS) {
      throw malformed("more than " + MAX_REASONS + " reasons");
    }
    List<Reason> reasons = new ArrayList<>();
    try {
      for (StateReason reason : request.getReasonsList()) {
        String detail = reason.getDetail();
        reasons.add(
            new Reason(
                ReasonCode.valueOf(reason.getCode()),
                detail.length() > MAX_DETAIL ? detail.substring(0, MAX_DETAIL) : detail));
      }
      return new StateReport(
          request.getNodeId(),
          StateReport.State.valueOf(request.getState()),
          reasons,
          Instant.ofEpochMilli(request.getAt()));
    } catch (IllegalArgumentException e) {
      throw malformed("unknown state or reason code");
    }
  }

  /** On disk when this returns; an agent that is rejected has been told. */
  StateReport apply(StateReport report) {
    nodes.apply(
        new NodeStanding(
            report.nodeId(),
            NodeStanding.State.valueOf(report.state().name()),
            report.reasons(),
            report.at()));
    return report;
  }

  ReportResponse answer(StateReport report) {
    return ReportResponse.getDefaultInstance();
  }

  private static RefusalException malformed(String detail) {
    return new RefusalException(ReasonCode.MALFORMED_REQUEST, detail);
  }
}
