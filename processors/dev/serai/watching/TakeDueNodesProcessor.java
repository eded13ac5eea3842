package dev.serai.watching;

import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body out: the {@link WatchTask}s whose time has come, as many as may fly. */
final class TakeDueNodesProcessor implements Processor {
  private final WatchStore store;
  private final WatchFlight flight;
  private final WatchSettings settings;
  private final InstantSource clock;

  TakeDueNodesProcessor(
      WatchStore store, WatchFlight flight, WatchSettings settings, InstantSource clock) {
    this.store = store;
    this.flight = flight;
    this.settings = settings;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) {
    Instant now = clock.instant();
    List<WatchTask> tasks = store.takeDue(now, settings.lease(), flight.free(now));
    tasks.forEach(task -> flight.begin(task.nodeId(), now));
    exchange.getMessage().setBody(tasks);
  }
}
