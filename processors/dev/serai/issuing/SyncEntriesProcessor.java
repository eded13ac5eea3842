package dev.serai.issuing;

import static java.util.Objects.requireNonNull;

import dev.serai.proto.spire.entry.v1.SyncAuthorizedEntriesRequest;
import dev.serai.rpc.RpcCall;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body one request of the conversation in, body its answers out. */
final class SyncEntriesProcessor implements Processor {
  private final EntrySync sync;

  SyncEntriesProcessor(EntrySync sync) {
    this.sync = sync;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    RpcCall call =
        requireNonNull(exchange.getVariable(RpcCall.VARIABLE, RpcCall.class), RpcCall.VARIABLE);
    Caller.Agent caller =
        requireNonNull(exchange.getVariable(Caller.VARIABLE, Caller.Agent.class), Caller.VARIABLE);
    SyncAuthorizedEntriesRequest request =
        exchange.getMessage().getMandatoryBody(SyncAuthorizedEntriesRequest.class);
    exchange.getMessage().setBody(sync.answer(caller, request, call.attributes()));
  }
}
