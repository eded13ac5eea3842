package dev.serai.issuing;

import dev.serai.rpc.RpcCall;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body Issued in, body AttestAgentResponse out; the conversation is over. */
final class AnswerAttestationProcessor implements Processor {
  private final Attestation attestation;

  AnswerAttestationProcessor(Attestation attestation) {
    this.attestation = attestation;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    Attestation.Issued issued = exchange.getMessage().getMandatoryBody(Attestation.Issued.class);
    exchange.getMessage().setBody(attestation.answer(issued));
    exchange.setProperty(RpcCall.COMPLETE, true);
  }
}
