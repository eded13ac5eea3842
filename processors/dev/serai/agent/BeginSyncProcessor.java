package dev.serai.agent;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.spiffe.TrustDomain;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body SyncRound out; the variable says whether the node may call the issuer. */
final class BeginSyncProcessor implements Processor {
  static final String ATTESTED = "agentAttested";

  private final AgentStatus status;
  private final AgentIdentity identity;
  private final WorkloadSvids svids;
  private final TrustDomain trustDomain;

  BeginSyncProcessor(
      AgentStatus status, AgentIdentity identity, WorkloadSvids svids, TrustDomain trustDomain) {
    this.status = status;
    this.identity = identity;
    this.svids = svids;
    this.trustDomain = trustDomain;
  }

  @Override
  public void process(Exchange exchange) {
    long epoch = svids.epoch(); // before the state is read: a refusal after it makes both void
    // A refusal of the SVID before may have struck the one that was just accepted.
    if (!identity.isThere() && status.attested()) {
      status.on(
          new AgentEvent.NodeRefused(
              new Reason(ReasonCode.NODE_MUST_REATTEST, "its SVID was given up as it came")));
    }
    exchange.setVariable(ATTESTED, Boolean.toString(status.attested()));
    exchange.getMessage().setBody(SyncRound.begun(epoch, trustDomain));
  }
}
