package dev.serai.watching;

import java.time.Instant;
import java.time.InstantSource;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Route step: nodes whose proof has run out are no longer proven, whatever the reason that they
 * were not asked or did not answer. This does not depend on anything else having worked.
 */
final class ExpireProofsProcessor implements Processor {
  private static final Logger LOG = LoggerFactory.getLogger(ExpireProofsProcessor.class);

  private final WatchStore store;
  private final WatchRules rules;
  private final InstantSource clock;

  ExpireProofsProcessor(WatchStore store, WatchRules rules, InstantSource clock) {
    this.store = store;
    this.rules = rules;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) {
    Instant now = clock.instant();
    if (store.bringBack(now, rules.longestWait(), rules.lease())) {
      LOG.warn("the clock was set back: times in the future count as now");
    }
    int ended = store.changeAll(node -> rules.runOut(node, now), now.minus(rules.grace()));
    if (ended > 0) {
      LOG.warn("{} nodes are no longer proven: none answered within the grace", ended);
    }
  }
}
