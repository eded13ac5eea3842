package dev.serai.watching;

import dev.serai.appraisal.StateReport;
import dev.serai.appraisal.StateReport.State;
import dev.serai.reason.Reason;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A node on the watch list, as stored.
 *
 * @param generation rises with each attestation
 * @param gone the registrar no longer knows it
 * @param reported what the issuer knows, or will know once the report is delivered
 * @param report what the issuer is still to be told
 * @param reportNumber rises with each report
 */
record WatchedNode(
    String nodeId,
    State state,
    List<Reason> reasons,
    Instant stateAt,
    Instant provenAt,
    Map<String, String> provenPcrs,
    int failures,
    String breaker,
    Instant dueAt,
    long generation,
    boolean gone,
    State reported,
    Optional<StateReport> report,
    long reportNumber) {
  WatchedNode {
    reasons = List.copyOf(reasons);
    provenPcrs = Map.copyOf(provenPcrs);
  }
}
