package dev.serai.sensor;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.Message;
import dev.serai.audit.Acting;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.rpc.RpcCall;
import dev.serai.rpc.RpcPeer;
import java.util.function.Function;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body request in, body response out, for a process that may open the admin socket. */
final class AdministerProcessor<Q extends Message> implements Processor {
  private final Class<Q> requestType;
  private final Function<Q, ? extends Message> core;

  AdministerProcessor(Class<Q> requestType, Function<Q, ? extends Message> core) {
    this.requestType = requestType;
    this.core = core;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    RpcCall call =
        requireNonNull(exchange.getVariable(RpcCall.VARIABLE, RpcCall.class), RpcCall.VARIABLE);
    if (!(call.peer() instanceof RpcPeer.LocalPeer peer)) {
      throw new RefusalException(ReasonCode.CALLER_NOT_ALLOWED, "not through the admin socket");
    }
    Q request = exchange.getMessage().getMandatoryBody(requestType);
    exchange.getMessage().setBody(Acting.as("uid:" + peer.uid(), () -> core.apply(request)));
  }
}
