package dev.serai.enrolment;

import dev.serai.appraisal.EnrolledNodes;
import dev.serai.role.RoleView;
import java.util.List;
import java.util.Optional;

/** Enrolled nodes on the dashboard. */
final class RegistrarView implements RoleView {
  private final EnrolledNodes enrolled;

  RegistrarView(EnrolledNodes enrolled) {
    this.enrolled = enrolled;
  }

  @Override
  public List<Node> nodes() {
    return enrolled.all().stream()
        .map(
            record ->
                new Node(
                    record.nodeId(),
                    "",
                    record.standing().name(),
                    List.of(),
                    "",
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty()))
        .toList();
  }
}
