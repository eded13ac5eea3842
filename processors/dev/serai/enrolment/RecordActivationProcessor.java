package dev.serai.enrolment;

import dev.serai.keylime.AgentId;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.time.InstantSource;
import java.util.Map;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/**
 * Route step: body {@link Enrolment.Answered} in, body {@link HttpAnswer} out once the node is
 * active on disk.
 */
final class RecordActivationProcessor implements Processor {
  private final EnrolmentStore store;
  private final InstantSource clock;

  RecordActivationProcessor(EnrolmentStore store, InstantSource clock) {
    this.store = store;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    Enrolment.Answered answered = exchange.getMessage().getMandatoryBody(Enrolment.Answered.class);
    AgentId node = answered.node();
    switch (store.activate(answered, clock.instant())) {
      case ACTIVATED -> exchange.getMessage().setBody(HttpAnswer.of(Envelope.success(Map.of())));
      case UNKNOWN_NODE -> throw RegistrarRefusals.unknown(node);
      case BANNED -> throw new RefusalException(ReasonCode.NODE_BANNED, node + " is banned");
      case NO_CHALLENGE ->
          throw RegistrarRefusals.activation("no open challenge; register again", node);
      case EXPIRED -> throw RegistrarRefusals.activation("the challenge has expired", node);
      case WRONG_TAG -> throw RegistrarRefusals.activation("the tag is wrong", node);
    }
  }
}
