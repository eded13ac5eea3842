package dev.serai.agent;

import dev.serai.keylime.KeylimeJson;
import dev.serai.keylime.RegisterAnswer;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.camel.TpmRequest;
import dev.serai.tpm.wire.CredentialBlob;
import dev.serai.tpm.wire.MalformedStructureException;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: the registrar's challenge as a request to the TPM; body TpmRequest.Activate out. */
final class ReadCredentialProcessor implements Processor {
  private static final int LIMIT = 4096;

  private final AgentSelf self;

  ReadCredentialProcessor(AgentSelf self) {
    this.self = self;
  }

  @Override
  public void process(Exchange exchange) {
    RegisterAnswer answer = RegistrarCall.results(exchange, RegisterAnswer.class);
    TpmIdentity identity = self.identity();
    exchange
        .getMessage()
        .setBody(new TpmRequest.Activate(identity.akKind(), identity.ekKind(), credential(answer)));
  }

  static CredentialBlob credential(RegisterAnswer answer) {
    try {
      return CredentialBlob.parseFile(KeylimeJson.base64("blob", answer.blob(), LIMIT));
    } catch (MalformedStructureException e) {
      throw new RefusalException(
          ReasonCode.REGISTRAR_UNREACHABLE, "its challenge cannot be read: " + e.getMessage(), e);
    }
  }
}
