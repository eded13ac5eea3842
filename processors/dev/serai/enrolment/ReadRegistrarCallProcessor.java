package dev.serai.enrolment;

import dev.serai.keylime.AgentId;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.SpiffeId;
import dev.serai.tpm.Bytes;
import java.util.Optional;
import java.util.function.Function;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: HTTP request in, body {@link RegistrarCall} out, once the caller may ask it. */
final class ReadRegistrarCallProcessor implements Processor {
  private final CallerRule rule;
  private final Function<Exchange, Optional<SpiffeId>> caller;

  ReadRegistrarCallProcessor(CallerRule rule, Function<Exchange, Optional<SpiffeId>> caller) {
    this.rule = rule;
    this.caller = caller;
  }

  @Override
  public void process(Exchange exchange) {
    String method = exchange.getMessage().getHeader(Exchange.HTTP_METHOD, "", String.class);
    String path = exchange.getMessage().getHeader(Exchange.HTTP_PATH, "", String.class);
    RegistrarPaths.Known known = known(RegistrarPaths.find(method, path));
    rule.check(known.operation(), caller.apply(exchange));
    byte[] body = exchange.getMessage().getBody(byte[].class);
    Bytes content = body == null ? Bytes.EMPTY : Bytes.copyOf(body);
    exchange.getMessage().setBody(new RegistrarCall(known.operation(), id(known), content));
  }

  private static RegistrarPaths.Known known(RegistrarPaths.Found found) {
    if (found instanceof RegistrarPaths.Known known) {
      return known;
    }
    if (found instanceof RegistrarPaths.OtherMethod) {
      throw RegistrarRefusals.bare(405, ReasonCode.UNKNOWN_OPERATION, "another method");
    }
    if (found instanceof RegistrarPaths.NoSuchMethod) {
      throw RegistrarRefusals.bare(501, ReasonCode.UNKNOWN_OPERATION, "no such method");
    }
    throw RegistrarRefusals.bare(404, ReasonCode.UNKNOWN_OPERATION, "no such path or version");
  }

  private static Optional<AgentId> id(RegistrarPaths.Known known) {
    if (known.id().isEmpty()) {
      return Optional.empty();
    }
    Optional<AgentId> id = AgentId.parse(known.id());
    if (id.isEmpty()) {
      throw new RefusalException(
          ReasonCode.NODE_ID_INVALID, "the path holds no node id of 1 to 80 of [A-Za-z0-9_.-]");
    }
    return id;
  }
}
