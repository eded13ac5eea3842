package dev.serai.node;

import java.util.Map;
import java.util.Optional;

/** What continuous appraisal knows, bound as {@value #BEAN} when the verifier is in the process. */
@FunctionalInterface
public interface WatchedNodes {
  /** Name of the bean. */
  String BEAN = "watchedNodes";

  Optional<WatchedNode> find(String nodeId);

  /**
   * A node as last seen.
   *
   * @param breaker CLOSED, OPEN or HALF_OPEN
   * @param pcrs values last proven, for instance "sha256:7" to hex
   */
  record WatchedNode(String breaker, Map<String, String> pcrs) {
    public WatchedNode {
      pcrs = Map.copyOf(pcrs);
    }
  }
}
