package dev.serai.agent;

import dev.serai.keylime.ActivateRequest;
import dev.serai.keylime.AuthTag;
import dev.serai.keylime.KeylimeJson;
import dev.serai.keylime.RegisterAnswer;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.wire.CredentialBlob;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: opens the registrar's challenge in the TPM, which works only where EK and AK are in
 * the same one, and makes the request that proves it.
 */
final class OpenCredentialProcessor implements Processor {
  private static final int LIMIT = 4096;

  private final Tpm tpm;
  private final AgentSelf self;

  OpenCredentialProcessor(Tpm tpm, AgentSelf self) {
    this.tpm = tpm;
    this.self = self;
  }

  @Override
  public void process(Exchange exchange) {
    RegisterAnswer answer = RegistrarCall.results(exchange, RegisterAnswer.class);
    TpmIdentity identity = self.identity();
    CredentialBlob blob;
    try {
      blob = CredentialBlob.parseFile(KeylimeJson.base64("blob", answer.blob(), LIMIT));
    } catch (MalformedStructureException e) {
      throw new RefusalException(
          ReasonCode.REGISTRAR_UNREACHABLE, "its challenge cannot be read: " + e.getMessage(), e);
    }
    Bytes challenge = tpm.activateCredential(identity.akKind(), identity.ekKind(), blob);
    RegistrarCall.request(
        exchange,
        "PUT",
        exchange.getVariable(DescribeNodeProcessor.PATH, String.class),
        Optional.of(new ActivateRequest(Optional.of(AuthTag.of(challenge, identity.nodeId())))));
  }
}
