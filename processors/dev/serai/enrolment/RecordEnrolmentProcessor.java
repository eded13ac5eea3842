package dev.serai.enrolment;

import java.time.InstantSource;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link Enrolment.Challenged}, on disk afterwards. */
final class RecordEnrolmentProcessor implements Processor {
  private final EnrolmentStore store;
  private final InstantSource clock;

  RecordEnrolmentProcessor(EnrolmentStore store, InstantSource clock) {
    this.store = store;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    Enrolment.Challenged challenged =
        exchange.getMessage().getMandatoryBody(Enrolment.Challenged.class);
    store
        .record(challenged, clock.instant())
        .ifPresent(
            reason -> {
              throw RegistrarRefusals.enrolment(reason.code(), reason.detail());
            });
  }
}
