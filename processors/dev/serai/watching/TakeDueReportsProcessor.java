package dev.serai.watching;

import java.time.InstantSource;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body out: ids of nodes with a report that is to be delivered (again) now. */
final class TakeDueReportsProcessor implements Processor {
  private static final int AT_ONCE = 100;

  private final WatchStore store;
  private final InstantSource clock;

  TakeDueReportsProcessor(WatchStore store, InstantSource clock) {
    this.store = store;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) {
    exchange.getMessage().setBody(store.reportsDue(clock.instant(), AT_ONCE));
  }
}
