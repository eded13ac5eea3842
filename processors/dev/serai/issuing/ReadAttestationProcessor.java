package dev.serai.issuing;

import static java.util.Objects.requireNonNull;

import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.rpc.RpcCall;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body AttestAgentRequest; leaves in {@value #STEP} what it is. */
final class ReadAttestationProcessor implements Processor {
  /** The name of an {@link AttestationOpening.Step}. */
  static final String STEP = "attestationStep";

  private final AttestationOpening opening;

  ReadAttestationProcessor(AttestationOpening opening) {
    this.opening = opening;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    RpcCall call =
        requireNonNull(exchange.getVariable(RpcCall.VARIABLE, RpcCall.class), RpcCall.VARIABLE);
    Caller caller =
        requireNonNull(exchange.getVariable(Caller.VARIABLE, Caller.class), Caller.VARIABLE);
    AttestAgentRequest request = exchange.getMessage().getMandatoryBody(AttestAgentRequest.class);
    exchange.setVariable(STEP, opening.read(caller, request, call.attributes()).name());
  }
}
