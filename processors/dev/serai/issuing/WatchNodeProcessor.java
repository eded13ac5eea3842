package dev.serai.issuing;

import static java.util.Objects.requireNonNull;

import dev.serai.rpc.RpcCall;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: hands the call over to the watches, which answer it from now on. */
final class WatchNodeProcessor implements Processor {
  private final AgentWatches watch;

  WatchNodeProcessor(AgentWatches watch) {
    this.watch = watch;
  }

  @Override
  public void process(Exchange exchange) {
    RpcCall call =
        requireNonNull(exchange.getVariable(RpcCall.VARIABLE, RpcCall.class), RpcCall.VARIABLE);
    Caller.Agent caller =
        requireNonNull(exchange.getVariable(Caller.VARIABLE, Caller.Agent.class), Caller.VARIABLE);
    watch.open(caller, call);
  }
}
