package dev.serai.workload;

import static java.util.Objects.requireNonNull;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.rpc.RpcCall;
import io.grpc.Metadata;
import java.util.ArrayList;
import java.util.List;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: refuses a call without the metadata {@code workload.spiffe.io: true}, exactly once.
 * SPIFFE Workload Endpoint, section 3. It keeps a browser or a careless proxy from being used
 * against the socket.
 */
public final class CheckSecurityHeaderProcessor implements Processor {
  private static final Metadata.Key<String> HEADER =
      Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER);

  @Override
  public void process(Exchange exchange) {
    RpcCall call =
        requireNonNull(exchange.getVariable(RpcCall.VARIABLE, RpcCall.class), RpcCall.VARIABLE);
    List<String> values = new ArrayList<>();
    Iterable<String> sent = call.metadata().getAll(HEADER);
    if (sent != null) {
      sent.forEach(values::add);
    }
    if (!values.equals(List.of("true"))) {
      throw new RefusalException(
          ReasonCode.SECURITY_HEADER_MISSING, ReasonCode.SECURITY_HEADER_MISSING.what());
    }
  }
}
