package dev.serai.rpc;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import io.grpc.Status;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.CamelContext;
import org.apache.camel.Endpoint;
import org.apache.camel.support.DefaultComponent;

/**
 * The Camel component {@code rpc:<server>/<full.Service>/<Method>}: a route consumes the calls of
 * one gRPC method. The server is the bean {@code rpcServer-<server>} of type {@link RpcServer}; it
 * starts with its first route and is closed with the component.
 *
 * <p>The exchange: body = the request message; variables {@link RpcCall#VARIABLE} and {@link
 * RpcCall#TRACE_ID}. What the route leaves as body is sent: see {@link RpcConsumer}.
 */
public final class RpcComponent extends DefaultComponent {
  /** The scheme of its endpoints. */
  public static final String SCHEME = "rpc";

  /** Beans of this prefix are servers. */
  public static final String SERVER_BEAN = "rpcServer-";

  private final Set<RpcServer> servers = ConcurrentHashMap.newKeySet();

  /** Makes {@code rpc:} known to a context; does nothing when it is. */
  public static void addTo(CamelContext context) {
    if (context.hasComponent(SCHEME) == null) {
      context.addComponent(SCHEME, new RpcComponent());
    }
  }

  @Override
  protected Endpoint createEndpoint(String uri, String remaining, Map<String, Object> parameters) {
    int first = remaining.indexOf('/');
    int last = remaining.lastIndexOf('/');
    if (first <= 0 || last <= first || last == remaining.length() - 1) {
      throw new IllegalArgumentException("expected rpc:<server>/<full.Service>/<Method>: " + uri);
    }
    return new RpcEndpoint(
        uri, this, remaining.substring(0, first), remaining.substring(first + 1));
  }

  RpcServer server(String name) {
    RpcServer server =
        getCamelContext().getRegistry().lookupByNameAndType(SERVER_BEAN + name, RpcServer.class);
    if (server == null) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID,
          "a route wants the server %s, which no role of this process has".formatted(name));
    }
    if (servers.add(server)) {
      MeterRegistry meters = getCamelContext().getRegistry().findSingleByType(MeterRegistry.class);
      if (meters != null) {
        server.observe((method, code) -> count(meters, method, code));
        Gauge.builder("serai.rpc.open.calls", server, RpcServer::openCalls)
            .description("Calls that are open, streams included")
            .tag("server", name)
            .register(meters);
        Gauge.builder("serai.queue.depth", server, RpcServer::waitingCalls)
            .description("What waits in a queue")
            .tag("queue", "rpc-" + name)
            .register(meters);
      }
    }
    return server;
  }

  private static void count(MeterRegistry meters, String method, Status.Code code) {
    Counter.builder("serai.rpc.calls")
        .description("gRPC calls that have ended")
        .tags("method", method, "code", code.name())
        .register(meters)
        .increment();
  }

  @Override
  protected void doStop() throws Exception {
    servers.forEach(RpcServer::close);
    servers.clear();
    super.doStop();
  }
}
