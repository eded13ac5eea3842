package dev.serai.agent;

import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body SyncRound out; the variable says whether the node may call the issuer. */
final class BeginSyncProcessor implements Processor {
  static final String ATTESTED = "agentAttested";

  private final AgentStatus status;
  private final WorkloadSvids svids;

  BeginSyncProcessor(AgentStatus status, WorkloadSvids svids) {
    this.status = status;
    this.svids = svids;
  }

  @Override
  public void process(Exchange exchange) {
    long epoch = svids.epoch(); // before the state is read: a refusal after it makes both void
    exchange.setVariable(ATTESTED, Boolean.toString(status.attested()));
    exchange.getMessage().setBody(SyncRound.begun(epoch));
  }
}
