package dev.serai.enrolment;

import dev.serai.keylime.AgentId;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import java.util.Map;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link RegistrarCall} in, body {@link HttpAnswer} out once the node is gone. */
final class DeleteNodeProcessor implements Processor {
  private final EnrolmentStore store;

  DeleteNodeProcessor(EnrolmentStore store) {
    this.store = store;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    RegistrarCall call = exchange.getMessage().getMandatoryBody(RegistrarCall.class);
    AgentId id = call.node().orElseThrow();
    if (!store.delete(id)) {
      throw RegistrarRefusals.unknown(id);
    }
    exchange.getMessage().setBody(HttpAnswer.of(Envelope.success(Map.of())));
  }
}
