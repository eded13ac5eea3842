package dev.serai.watching;

import dev.serai.appraisal.StateReport;
import java.time.InstantSource;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/**
 * Route step: body node id in, body {@link StateReport} out when the issuer is to be told
 * something; else the body stays the id.
 */
final class OpenReportProcessor implements Processor {
  /** Exchange variable: the {@link PendingReport}. */
  static final String PENDING = "pendingReport";

  private final WatchStore store;
  private final InstantSource clock;

  OpenReportProcessor(WatchStore store, InstantSource clock) {
    this.store = store;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    String nodeId = exchange.getMessage().getMandatoryBody(String.class);
    Optional<PendingReport> pending = store.takeReport(nodeId, clock.instant());
    if (pending.isPresent()) {
      exchange.setVariable(PENDING, pending.get());
      exchange.getMessage().setBody(pending.get().report());
    }
  }
}
