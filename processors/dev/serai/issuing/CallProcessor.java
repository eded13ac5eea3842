package dev.serai.issuing;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.Message;
import dev.serai.audit.Acting;
import java.util.function.BiFunction;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body request in, body response out, made by a core for the authorized caller. */
final class CallProcessor<C extends Caller, Q extends Message> implements Processor {
  private final Class<C> callerType;
  private final Class<Q> requestType;
  private final BiFunction<C, Q, ?> core;

  CallProcessor(Class<C> callerType, Class<Q> requestType, BiFunction<C, Q, ?> core) {
    this.callerType = callerType;
    this.requestType = requestType;
    this.core = core;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    Caller caller =
        requireNonNull(exchange.getVariable(Caller.VARIABLE, Caller.class), Caller.VARIABLE);
    Q request = exchange.getMessage().getMandatoryBody(requestType);
    exchange
        .getMessage()
        .setBody(Acting.as(caller.actor(), () -> core.apply(callerType.cast(caller), request)));
  }
}
