package dev.serai.issuing;

import dev.serai.reason.Reason;
import java.time.Instant;
import java.util.List;

/**
 * What the verifier last said about a node.
 *
 * @param at of its last report, on its clock; the epoch when there was none
 */
public record NodeStanding(String nodeId, State state, List<Reason> reasons, Instant at) {
  public NodeStanding {
    reasons = List.copyOf(reasons);
  }

  /** UNREACHABLE speaks not against the node, but its proof has run out: it has to attest. */
  public enum State {
    TRUSTED,
    UNTRUSTED,
    UNREACHABLE
  }
}
