package dev.serai.issuing;

import static java.util.Objects.requireNonNull;

import dev.serai.rpc.RpcCall;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** First step of every rpc route: leaves the {@link Caller} in the exchange, or refuses. */
final class AuthorizeCallerProcessor implements Processor {
  private final CallerPolicy policy;

  AuthorizeCallerProcessor(CallerPolicy policy) {
    this.policy = policy;
  }

  @Override
  public void process(Exchange exchange) {
    RpcCall call =
        requireNonNull(exchange.getVariable(RpcCall.VARIABLE, RpcCall.class), RpcCall.VARIABLE);
    exchange.setVariable(Caller.VARIABLE, policy.authorize(call.method(), call.peer()));
  }
}
