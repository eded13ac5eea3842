package dev.serai.issuing;

import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.issuing.AttestedNode.Certificate;
import dev.serai.proto.spire.agent.v1.PostStatusRequest;
import dev.serai.proto.spire.agent.v1.PostStatusResponse;
import dev.serai.proto.spire.agent.v1.RenewAgentRequest;
import dev.serai.proto.spire.agent.v1.RenewAgentResponse;
import dev.serai.proto.spire.types.PermissionDeniedDetails;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RateLimits;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.List;

/** What an attested agent does about itself. */
final class AgentLifecycle {
  private static final int MAX_VERSION = 128;

  private final NodeStore nodes;
  private final SvidMinter minter;
  private final AttestationOpening opening;
  private final Duration agentLife;
  private final RateLimits signing;
  private final RateLimits status;
  private final MeterRegistry meters;

  AgentLifecycle(
      NodeStore nodes,
      SvidMinter minter,
      AttestationOpening opening,
      Duration agentLife,
      RateLimits signing,
      RateLimits status,
      MeterRegistry meters) {
    this.nodes = nodes;
    this.minter = minter;
    this.opening = opening;
    this.agentLife = agentLife;
    this.signing = signing;
    this.status = status;
    this.meters = meters;
  }

  RenewAgentResponse renew(Caller.Agent caller, RenewAgentRequest request) {
    signing.take(caller.origin(), 1);
    if (caller.node().canReattest()) {
      throw NodeGate.refusal(
          ReasonCode.NODE_MUST_REATTEST,
          PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST,
          "agent must reattest instead of renew");
    }
    if (!request.hasParams()) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, "params cannot be nil");
    }
    CertificateRequest csr = opening.request(request.getParams());
    SvidMinter.Svid svid =
        minter.mint(caller.node().id(), List.of(), csr.publicKeyInfo(), agentLife);
    Certificate fresh = Certificate.of(svid, csr.publicKeyInfo());
    AuditEvent event = svid.event(AuditKind.AGENT_SVID_RENEWED);
    if (nodes.change(caller.node().id(), node -> node.withFresh(fresh), event).isEmpty()) {
      throw NodeGate.refusal(
          ReasonCode.NODE_NOT_ATTESTED,
          PermissionDeniedDetails.Reason.AGENT_NOT_ATTESTED,
          "agent is not attested");
    }
    IssuerMeters.issued(meters, "agent").increment();
    return RenewAgentResponse.newBuilder().setSvid(SvidIssuance.message(svid)).build();
  }

  PostStatusResponse postStatus(Caller.Agent caller, PostStatusRequest request) {
    status.take(caller.origin(), 1);
    String version = request.getAgentVersion();
    if (version.length() > MAX_VERSION) {
      throw new RefusalException(
          ReasonCode.MALFORMED_REQUEST, "agent version is longer than " + MAX_VERSION);
    }
    if (!version.isEmpty() && !version.equals(caller.node().agentVersion())) {
      nodes.change(caller.node().id(), node -> node.withAgentVersion(version));
    }
    return PostStatusResponse.getDefaultInstance();
  }
}
