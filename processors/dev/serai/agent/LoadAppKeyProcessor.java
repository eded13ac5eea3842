package dev.serai.agent;

import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: loads the App Key or makes it; body AppKey out. */
final class LoadAppKeyProcessor implements Processor {
  private final AppKeyStore store;
  private final AgentSelf self;

  LoadAppKeyProcessor(AppKeyStore store, AgentSelf self) {
    this.store = store;
    this.self = self;
  }

  @Override
  public void process(Exchange exchange) {
    AppKey key = store.loadOrMake();
    self.appKey(key);
    exchange.getMessage().setBody(key);
  }
}
