package dev.serai.watching;

import dev.serai.appraisal.NodeWatch;
import dev.serai.role.RoleView;
import java.util.List;
import java.util.Optional;

/** The watch list on the dashboard. */
final class VerifierView implements RoleView {
  private final NodeWatch watch;

  VerifierView(NodeWatch watch) {
    this.watch = watch;
  }

  @Override
  public List<Node> nodes() {
    return watch.all().stream()
        .map(
            node ->
                new Node(
                    node.nodeId(),
                    "",
                    node.state().name(),
                    node.reasons(),
                    "",
                    Optional.of(
                        node.since().isAfter(node.provenAt()) ? node.since() : node.provenAt()),
                    Optional.empty(),
                    Optional.of(node.nextAt()),
                    Optional.of(node.breaker())))
        .toList();
  }
}
