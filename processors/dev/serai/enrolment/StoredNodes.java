package dev.serai.enrolment;

import dev.serai.appraisal.EnrolledNodes;
import dev.serai.appraisal.NodeRecord;
import dev.serai.keylime.AgentId;
import java.util.List;
import java.util.Optional;

/** The registrar's nodes for other roles of the same process. */
final class StoredNodes implements EnrolledNodes {
  private final EnrolmentStore store;

  StoredNodes(EnrolmentStore store) {
    this.store = store;
  }

  @Override
  public List<NodeRecord> all() {
    return store.all().stream().map(NodeRecords::of).toList();
  }

  @Override
  public Optional<NodeRecord> byId(String nodeId) {
    return AgentId.parse(nodeId).flatMap(store::find).map(NodeRecords::of);
  }
}
