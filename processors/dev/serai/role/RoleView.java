package dev.serai.role;

import dev.serai.reason.Reason;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What a role, or any other part of a process, shows on the dashboard. All beans of this type are
 * asked, under whatever name they are bound, on a thread that may wait for a database. Nothing here
 * is a secret; what came from the network is text like any other.
 */
public interface RoleView {

  /** The nodes that it knows. */
  default List<Node> nodes() {
    return List.of();
  }

  /** Certificates that it holds or signs with. */
  default List<Document> documents() {
    return List.of();
  }

  /** Its circuit breakers, those of nodes excepted, which stand with their node. */
  default List<Breaker> breakers() {
    return List.of();
  }

  /**
   * A node.
   *
   * @param id node id; the SPIFFE id for a node without one
   * @param state one word, for instance TRUSTED
   * @param attestedBy empty when it is not attested
   * @param lookAt when the verifier asks it next
   * @param breaker CLOSED, OPEN or HALF_OPEN; empty where nobody asks it
   */
  record Node(
      String id,
      String spiffeId,
      String state,
      List<Reason> reasons,
      String attestedBy,
      Optional<Instant> lastVerdictAt,
      Optional<Instant> svidNotAfter,
      Optional<Instant> lookAt,
      Optional<String> breaker) {
    public Node {
      reasons = List.copyOf(reasons);
    }

    /** With what another role knows and this one does not. */
    public Node filledFrom(Node other) {
      return new Node(
          id,
          spiffeId.isEmpty() ? other.spiffeId : spiffeId,
          state,
          reasons.isEmpty() && state.equals(other.state) ? other.reasons : reasons,
          attestedBy.isEmpty() ? other.attestedBy : attestedBy,
          lastVerdictAt.or(() -> other.lastVerdictAt),
          svidNotAfter.or(() -> other.svidNotAfter),
          lookAt.or(() -> other.lookAt),
          breaker.or(() -> other.breaker));
    }
  }

  /**
   * A certificate.
   *
   * @param kind for instance "workload SVID"
   * @param lateFrom from when on it should have been replaced; empty when nothing replaces it
   */
  record Document(
      String kind, String id, Instant notBefore, Instant notAfter, Optional<Instant> lateFrom) {

    /** One that is renewed at half of its life, and so is late in the last quarter of it. */
    public static Document renewed(String kind, String id, Instant notBefore, Instant notAfter) {
      long life = notAfter.toEpochMilli() - notBefore.toEpochMilli();
      return new Document(
          kind, id, notBefore, notAfter, Optional.of(notAfter.minusMillis(Math.max(0, life) / 4)));
    }
  }

  /**
   * A circuit breaker.
   *
   * @param state CLOSED, OPEN or HALF_OPEN
   * @param trouble the last failure; empty when there is none
   */
  record Breaker(String name, String state, String trouble) {
    public Breaker(String name, String state) {
      this(name, state, "");
    }
  }
}
