package dev.serai.enrolment;

import dev.serai.keylime.AgentId;
import dev.serai.tpm.Bytes;
import java.util.Optional;

/**
 * One request to the registrar, its operation known, its body not yet read.
 *
 * @param node the id in the path, if it has one
 */
public record RegistrarCall(RegistrarOperation operation, Optional<AgentId> node, Bytes body) {

  /** What the routes choose by. */
  public String operationName() {
    return operation.name();
  }

  /** Neither sender nor content. */
  @Override
  public String toString() {
    return "RegistrarCall[%s %s, %d bytes]"
        .formatted(operation, node.map(AgentId::text).orElse("-"), body.size());
  }
}
