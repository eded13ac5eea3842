package dev.serai.issuing;

import dev.serai.proto.spire.types.PermissionDeniedDetails;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.SpiffeId;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.stream.Collectors;

/**
 * Whether an agent with a verified certificate may call. Refusals carry the details by which stock
 * agents decide what to do next.
 */
final class NodeGate {
  private final NodeStore nodes;
  private final InstantSource clock;
  private final boolean unifiedIdentity;

  /**
   * @param unifiedIdentity whether nodes that attested with their TPM are known here at all
   */
  NodeGate(NodeStore nodes, InstantSource clock, boolean unifiedIdentity) {
    this.nodes = nodes;
    this.clock = clock;
    this.unifiedIdentity = unifiedIdentity;
  }

  /**
   * The node's record. The first use of a fresh certificate ends the one before it.
   *
   * @throws RefusalException with PermissionDeniedDetails
   */
  AttestedNode admit(SpiffeId id, X509Certificate leaf) {
    requireUnexpired(leaf);
    AttestedNode node =
        nodes
            .find(id)
            .orElseThrow(
                () ->
                    refusal(
                        ReasonCode.NODE_NOT_ATTESTED,
                        PermissionDeniedDetails.Reason.AGENT_NOT_ATTESTED,
                        "agent is not attested"));
    if (nodes.isBanned(node)) {
      throw banned("agent is banned");
    }
    if (node.appraised().isPresent() && !unifiedIdentity) {
      // Nobody appraises it any more: what it proved once is not proven now.
      throw refusal(
          ReasonCode.FEATURE_OFF,
          PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST,
          "this issuer knows agents of join tokens only");
    }
    boolean fresh = node.fresh().filter(f -> f.serial().equals(leaf.getSerialNumber())).isPresent();
    if (!fresh && !node.current().serial().equals(leaf.getSerialNumber())) {
      throw refusal(
          ReasonCode.NODE_NOT_ACTIVE,
          PermissionDeniedDetails.Reason.AGENT_NOT_ACTIVE,
          "agent is not active");
    }
    node.appraised()
        .flatMap(appraised -> nodes.standing(appraised.nodeId()))
        .ifPresent(NodeGate::requireTrusted);
    return fresh ? nodes.promote(id, leaf.getSerialNumber()) : node;
  }

  private static void requireTrusted(NodeStanding standing) {
    if (standing.state() == NodeStanding.State.UNTRUSTED) {
      throw refusal(
          ReasonCode.NODE_UNTRUSTED,
          PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST,
          "the verifier rejected the node: "
              + standing.reasons().stream()
                  .map(Reason::code)
                  .map(Enum::name)
                  .collect(Collectors.joining(", ")));
    }
    if (standing.state() == NodeStanding.State.UNREACHABLE) {
      throw refusal(
          ReasonCode.NODE_MUST_REATTEST,
          PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST,
          "the verifier has had no proof of the node for too long");
    }
  }

  /**
   * @throws RefusalException NODE_EXPIRED
   */
  void requireUnexpired(X509Certificate leaf) {
    if (isExpired(leaf)) {
      throw refusal(
          ReasonCode.NODE_EXPIRED,
          PermissionDeniedDetails.Reason.AGENT_EXPIRED,
          "agent SVID is expired");
    }
  }

  /** A connection may outlive the certificate it was made with. */
  boolean isExpired(X509Certificate leaf) {
    return !clock.instant().isBefore(leaf.getNotAfter().toInstant());
  }

  static RefusalException banned(String detail) {
    return refusal(ReasonCode.NODE_BANNED, PermissionDeniedDetails.Reason.AGENT_BANNED, detail);
  }

  static RefusalException refusal(
      ReasonCode code, PermissionDeniedDetails.Reason reason, String detail) {
    return new RefusalException(
        code, detail, null, PermissionDeniedDetails.newBuilder().setReason(reason).build());
  }
}
