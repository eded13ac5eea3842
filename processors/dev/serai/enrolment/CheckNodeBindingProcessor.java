package dev.serai.enrolment;

import java.time.InstantSource;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/**
 * Route step: body {@link Enrolment.Claimed}; refuses at once what the stored records forbid. The
 * same is asked again, and decides, when the enrolment is recorded.
 */
final class CheckNodeBindingProcessor implements Processor {
  private final EnrolmentStore store;
  private final InstantSource clock;

  CheckNodeBindingProcessor(EnrolmentStore store, InstantSource clock) {
    this.store = store;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    Enrolment.Claimed claim = exchange.getMessage().getMandatoryBody(Enrolment.Claimed.class);
    store
        .objection(claim, clock.instant())
        .ifPresent(
            reason -> {
              throw RegistrarRefusals.enrolment(reason.code(), reason.detail());
            });
  }
}
