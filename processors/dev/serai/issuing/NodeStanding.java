package dev.serai.issuing;

import dev.serai.reason.Reason;
import java.time.Instant;
import java.util.List;

/** What the verifier last said about a node. */
public record NodeStanding(String nodeId, State state, List<Reason> reasons, Instant at) {
  public NodeStanding {
    reasons = List.copyOf(reasons);
  }

  /** UNREACHABLE says nothing against the node: what it holds runs out by itself. */
  public enum State {
    TRUSTED,
    UNTRUSTED,
    UNREACHABLE
  }
}
