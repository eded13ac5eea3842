package dev.serai.agent;

import java.time.InstantSource;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body AppKey in, AgentEvent.AppKeyReady out. */
final class RecallAgentSvidProcessor implements Processor {
  private final AgentIdentity identity;
  private final InstantSource clock;

  RecallAgentSvidProcessor(AgentIdentity identity, InstantSource clock) {
    this.identity = identity;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    AppKey key = exchange.getMessage().getMandatoryBody(AppKey.class);
    exchange
        .getMessage()
        .setBody(new AgentEvent.AppKeyReady(identity.recall(key, clock.instant())));
  }
}
