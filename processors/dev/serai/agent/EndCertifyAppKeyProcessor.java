package dev.serai.agent;

import static java.util.Objects.requireNonNull;

import dev.serai.plugin.DelegatedCertificate;
import dev.serai.plugin.DelegationRequest;
import dev.serai.tpm.Tpm;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body Tpm.Attested in, DelegatedCertificate out. */
final class EndCertifyAppKeyProcessor implements Processor {
  private final AgentSelf self;

  EndCertifyAppKeyProcessor(AgentSelf self) {
    this.self = self;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    Tpm.Attested certified = exchange.getMessage().getMandatoryBody(Tpm.Attested.class);
    DelegationRequest request =
        requireNonNull(
            exchange.getVariable(BeginCertifyAppKeyProcessor.REQUEST, DelegationRequest.class),
            BeginCertifyAppKeyProcessor.REQUEST);
    exchange
        .getMessage()
        .setBody(
            new DelegatedCertificate(certified, request.nonce(), self.identity().nodeId().text()));
  }
}
