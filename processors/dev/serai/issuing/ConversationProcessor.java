package dev.serai.issuing;

import static java.util.Objects.requireNonNull;

import dev.serai.rpc.RpcCall;
import java.util.function.BiFunction;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step of an attestation: body in, body out, made by a core that knows the conversation. */
final class ConversationProcessor<B> implements Processor {
  private final Class<B> bodyType;
  private final BiFunction<AttestationConversation, B, ?> core;

  ConversationProcessor(Class<B> bodyType, BiFunction<AttestationConversation, B, ?> core) {
    this.bodyType = bodyType;
    this.core = core;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    RpcCall call =
        requireNonNull(exchange.getVariable(RpcCall.VARIABLE, RpcCall.class), RpcCall.VARIABLE);
    AttestationConversation open =
        AttestationConversation.of(call.attributes())
            .orElseThrow(() -> new IllegalStateException("no attestation is open"));
    B body = exchange.getMessage().getMandatoryBody(bodyType);
    exchange.getMessage().setBody(core.apply(open, body));
  }
}
