package dev.serai.watching;

import dev.serai.appraisal.NodeWatch;
import java.util.List;
import java.util.Optional;

/** The watch list for other roles of the same process. */
final class StoredWatch implements NodeWatch {
  private final WatchStore store;
  private final NodeBreakers breakers;

  StoredWatch(WatchStore store, NodeBreakers breakers) {
    this.store = store;
    this.breakers = breakers;
  }

  @Override
  public Optional<Watched> byId(String nodeId) {
    return store.find(nodeId).map(this::view);
  }

  @Override
  public List<Watched> all() {
    return store.all().stream().map(this::view).toList();
  }

  private Watched view(WatchedNode node) {
    return new Watched(
        node.nodeId(),
        node.state(),
        node.reasons(),
        node.stateAt(),
        node.provenAt(),
        node.dueAt(),
        node.failures(),
        breakers.knows(node.nodeId()) ? breakers.state(node.nodeId()) : node.breaker(),
        node.provenPcrs());
  }
}
