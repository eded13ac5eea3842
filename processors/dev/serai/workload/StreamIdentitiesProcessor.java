package dev.serai.workload;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.Message;
import dev.serai.reason.Reason;
import dev.serai.reason.Refused;
import dev.serai.rpc.RpcCall;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: opens the stream of the caller's identities or bundles. The stream goes on after the
 * route has ended, without a thread of its own; a reader that is behind finds only the newest
 * state.
 */
public final class StreamIdentitiesProcessor implements Processor {
  private final WorkloadIdentityCache identities;
  private final WorkloadIdentityCache.Kinds kind;

  public StreamIdentitiesProcessor(
      WorkloadIdentityCache identities, WorkloadIdentityCache.Kinds kind) {
    this.identities = identities;
    this.kind = kind;
  }

  @Override
  public void process(Exchange exchange) {
    RpcCall call =
        requireNonNull(exchange.getVariable(RpcCall.VARIABLE, RpcCall.class), RpcCall.VARIABLE);
    call.onEnd(identities.watch(kind, WorkloadCalls.caller(exchange), new CallWatcher(call)));
  }

  private record CallWatcher(RpcCall call) implements WorkloadIdentityCache.Watcher {
    @Override
    public void update(Message state) {
      call.sendLatest(state);
    }

    @Override
    public void refused(Reason reason) {
      call.refuse(new Refused(reason, call.traceId(), Optional.empty()));
    }
  }
}
