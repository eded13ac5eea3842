package dev.serai.agent;

import dev.serai.keylime.ActivateRequest;
import dev.serai.keylime.AuthTag;
import dev.serai.tpm.Bytes;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: the request that proves that the challenge was opened; body the opened challenge as
 * Bytes in. The TPM opens it only where EK and AK are in the same one.
 */
final class ProveActivationProcessor implements Processor {
  private final AgentSelf self;

  ProveActivationProcessor(AgentSelf self) {
    this.self = self;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    Bytes challenge = exchange.getMessage().getMandatoryBody(Bytes.class);
    RegistrarCall.request(
        exchange,
        "PUT",
        exchange.getVariable(DescribeNodeProcessor.PATH, String.class),
        Optional.of(
            new ActivateRequest(Optional.of(AuthTag.of(challenge, self.identity().nodeId())))));
  }
}
