package dev.serai.enrolment;

import java.time.InstantSource;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link Enrolment.Trusted} in, body {@link Enrolment.Challenged} out. */
final class MakeChallengeProcessor implements Processor {
  private final ChallengeMaker maker;
  private final InstantSource clock;

  MakeChallengeProcessor(ChallengeMaker maker, InstantSource clock) {
    this.maker = maker;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    Enrolment.Trusted enrolment = exchange.getMessage().getMandatoryBody(Enrolment.Trusted.class);
    exchange.getMessage().setBody(maker.challenge(enrolment, clock.instant()));
  }
}
