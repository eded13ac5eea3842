package dev.serai.appraisal;

import dev.serai.reason.Reason;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The bean {@code nodeWatch}: the verifier's view of nodes, for roles of the same process. */
public interface NodeWatch {

  /** Empty when the node has never been trusted, or is no longer enrolled. */
  Optional<Watched> byId(String nodeId);

  /** All nodes that are watched, by id. */
  List<Watched> all();

  /**
   * What continuous appraisal knows of a node.
   *
   * @param since when it came into this state
   * @param provenAt the last accepted appraisal
   * @param nextAt when it is looked at next
   * @param failures questions in a row that got no answer
   * @param breaker CLOSED, OPEN or HALF_OPEN
   * @param pcrs "sha256:7" to hex, as of the last accepted appraisal
   */
  record Watched(
      String nodeId,
      StateReport.State state,
      List<Reason> reasons,
      Instant since,
      Instant provenAt,
      Instant nextAt,
      int failures,
      String breaker,
      Map<String, String> pcrs) {
    public Watched {
      reasons = List.copyOf(reasons);
      pcrs = Map.copyOf(pcrs);
    }
  }
}
