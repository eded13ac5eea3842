package dev.serai.gate;

import dev.serai.audit.RefusedCallers;
import dev.serai.reason.Reason;
import dev.serai.role.TraceId;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Route step: body {@link GateCase} in, body {@link GateDecision} out; counted, and a denial on
 * record. Anybody can have himself denied a thousand times a second, so the audit log gets counts.
 */
final class ConcludeGateProcessor implements Processor {
  private static final Logger LOG = LoggerFactory.getLogger(ConcludeGateProcessor.class);
  private static final String ROUTE = "decide-gate";

  private final GateMeters meters;
  private final Supplier<Optional<RefusedCallers>> record;

  ConcludeGateProcessor(GateMeters meters, Supplier<Optional<RefusedCallers>> record) {
    this.meters = meters;
    this.record = record;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    GateDecision decision = exchange.getMessage().getMandatoryBody(GateCase.class).decision();
    Long started = exchange.getProperty(OpenGateProcessor.STARTED_NANOS, Long.class);
    if (started != null) {
      meters.decided(decision, System.nanoTime() - started, TimeUnit.NANOSECONDS);
    }
    if (!decision.isAllowed()) {
      Reason reason = decision.reasons().get(0);
      LOG.debug("gate denied id={} reason={}", decision.spiffeId(), reason);
      record.get().ifPresent(log -> log.refused(reason, ROUTE, TraceId.of(exchange)));
    }
    exchange.getMessage().setBody(decision);
  }
}
