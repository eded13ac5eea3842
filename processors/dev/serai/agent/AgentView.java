package dev.serai.agent;

import dev.serai.role.RoleView;
import dev.serai.spiffe.X509SvidProfile;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The agent on the dashboard: itself as a node, and the identities it holds. */
final class AgentView implements RoleView {
  private final AgentStatus status;
  private final WorkloadSvids svids;

  AgentView(AgentStatus status, WorkloadSvids svids) {
    this.status = status;
    this.svids = svids;
  }

  @Override
  public List<Node> nodes() {
    AgentState state = status.state();
    Optional<SvidFacts> svid =
        state instanceof AgentState.Attested attested
            ? Optional.of(attested.svid())
            : Optional.empty();
    return status.nodeId().stream()
        .map(
            id ->
                new Node(
                    id,
                    svid.map(SvidFacts::spiffeId).orElse(""),
                    state.name(),
                    state.reason().stream().toList(),
                    "",
                    Optional.empty(),
                    svid.map(SvidFacts::notAfter),
                    Optional.empty(),
                    Optional.empty()))
        .toList();
  }

  @Override
  public List<Document> documents() {
    List<Document> documents = new ArrayList<>();
    if (status.state() instanceof AgentState.Attested attested) {
      SvidFacts svid = attested.svid();
      documents.add(
          Document.renewed("agent SVID", svid.spiffeId(), svid.notBefore(), svid.notAfter()));
    }
    svids
        .holdings()
        .ifPresent(
            holdings -> holdings.svids().values().forEach(held -> documents.add(document(held))));
    return documents;
  }

  private static Document document(HeldSvid held) {
    return Document.renewed(
        "workload SVID",
        X509SvidProfile.idOf(held.chain().get(0)).map(Object::toString).orElse(held.entryId()),
        held.chain().get(0).getNotBefore().toInstant(),
        held.notAfter());
  }
}
