package dev.serai.workload;

import static java.util.Objects.requireNonNull;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.rpc.RpcCall;
import dev.serai.rpc.RpcPeer;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: sets the variable {@link #SELECTORS}, a set, to what the kernel says of the caller.
 */
public final class AttestWorkloadProcessor implements Processor {
  /** Exchange variable: the caller's selectors. */
  public static final String SELECTORS = "workloadSelectors";

  private final WorkloadAttestor attestor;

  public AttestWorkloadProcessor(WorkloadAttestor attestor) {
    this.attestor = attestor;
  }

  @Override
  public void process(Exchange exchange) {
    RpcCall call =
        requireNonNull(exchange.getVariable(RpcCall.VARIABLE, RpcCall.class), RpcCall.VARIABLE);
    if (!(call.peer() instanceof RpcPeer.LocalPeer peer)) {
      throw new RefusalException(
          ReasonCode.WORKLOAD_NOT_ATTESTED, "only processes of this machine can be identified");
    }
    exchange.setVariable(SELECTORS, attestor.attest(peer));
  }
}
