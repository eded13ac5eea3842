package dev.serai.watching;

import static java.util.Objects.requireNonNull;

import dev.serai.reason.Refused;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: after the hop; the report is not sent again. Only reached when the hop worked. */
final class ConfirmReportProcessor implements Processor {
  private final WatchStore store;

  ConfirmReportProcessor(WatchStore store) {
    this.store = store;
  }

  @Override
  public void process(Exchange exchange) {
    if (exchange.getMessage().getBody() instanceof Refused) {
      throw new IllegalStateException("the issuer refused the report");
    }
    store.delivered(
        requireNonNull(
            exchange.getVariable(OpenReportProcessor.PENDING, PendingReport.class),
            OpenReportProcessor.PENDING));
  }
}
