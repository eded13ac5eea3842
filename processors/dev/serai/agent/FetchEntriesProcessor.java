package dev.serai.agent;

import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body SyncRound in and out, with the entries this node may hand out. */
final class FetchEntriesProcessor implements Processor {
  private final Issuer issuer;
  private final WorkloadSvids svids;
  private final AgentSettings settings;
  private final Runnable answered;

  /** answered: hears of each answer of the issuer; must not block. */
  FetchEntriesProcessor(
      Issuer issuer, WorkloadSvids svids, AgentSettings settings, Runnable answered) {
    this.issuer = issuer;
    this.svids = svids;
    this.settings = settings;
    this.answered = answered;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    SyncRound round = exchange.getMessage().getMandatoryBody(SyncRound.class);
    exchange
        .getMessage()
        .setBody(
            round.withEntries(
                issuer.callAsNode(
                    channel -> EntrySync.run(channel, svids.entries(), settings.callTimeout()))));
    answered.run();
  }
}
