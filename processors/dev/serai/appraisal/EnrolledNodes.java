package dev.serai.appraisal;

import java.util.List;
import java.util.Optional;

/** The bean {@code enrolledNodes}: the registrar's records, for roles of the same process. */
public interface EnrolledNodes {

  /** All, active or not, by id. */
  List<NodeRecord> all();

  Optional<NodeRecord> byId(String nodeId);
}
