package dev.serai.issuing;

import dev.serai.net.X509Material;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.role.RoleView;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The issuer on the dashboard: its nodes, its authorities, the identities it gave to roles. */
final class IssuerView implements RoleView {
  private final NodeAdministration nodes;
  private final Authority authority;
  private final LocalRoleIdentities identities;

  IssuerView(NodeAdministration nodes, Authority authority, LocalRoleIdentities identities) {
    this.nodes = nodes;
    this.authority = authority;
    this.identities = identities;
  }

  @Override
  public List<Node> nodes() {
    return nodes.all().stream().map(IssuerView::node).toList();
  }

  private static Node node(NodeView view) {
    return new Node(
        view.getNodeId().isEmpty() ? view.getSpiffeId() : view.getNodeId(),
        view.getSpiffeId(),
        view.getState(),
        view.getReasonsList().stream()
            .map(reason -> new Reason(ReasonCode.valueOf(reason.getCode()), reason.getDetail()))
            .toList(),
        view.getAttestationType(),
        time(view.getLastVerdictAt()),
        time(view.getSvidExpiresAt()),
        Optional.empty(),
        Optional.of(view.getBreaker()).filter(breaker -> !breaker.isEmpty()));
  }

  private static Optional<Instant> time(long millis) {
    return millis == 0 ? Optional.empty() : Optional.of(Instant.ofEpochMilli(millis));
  }

  @Override
  public List<Document> documents() {
    List<Document> documents = new ArrayList<>(authority.documents());
    for (X509Material material : identities.all()) {
      documents.add(
          Document.renewed(
              "role SVID",
              material.id().toString(),
              material.leaf().getNotBefore().toInstant(),
              material.leaf().getNotAfter().toInstant()));
    }
    return documents;
  }
}
