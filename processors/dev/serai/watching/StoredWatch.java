package dev.serai.watching;

import dev.serai.appraisal.NodeWatch;
import dev.serai.breaker.Breakers;
import java.util.List;
import java.util.Optional;

/** The watch list for other roles of the same process. */
final class StoredWatch implements NodeWatch {
  private final WatchStore store;
  private final Breakers breakers;

  StoredWatch(WatchStore store, Breakers breakers) {
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
        breakers
            .find(Breakers.Kind.NODE, node.nodeId())
            .map(breaker -> breaker.state().name())
            .orElse(node.breaker()),
        node.provenPcrs());
  }
}
