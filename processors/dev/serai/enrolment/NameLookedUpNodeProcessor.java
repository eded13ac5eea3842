package dev.serai.enrolment;

import dev.serai.keylime.AgentId;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link RegistrarCall} in, body node id out. */
final class NameLookedUpNodeProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    RegistrarCall call = exchange.getMessage().getMandatoryBody(RegistrarCall.class);
    exchange
        .getMessage()
        .setBody(
            call.node()
                .map(AgentId::text)
                .orElseThrow(
                    () -> new RefusalException(ReasonCode.NODE_ID_INVALID, "no node is named")));
  }
}
