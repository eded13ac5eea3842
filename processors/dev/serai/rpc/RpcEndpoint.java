package dev.serai.rpc;

import org.apache.camel.Category;
import org.apache.camel.Consumer;
import org.apache.camel.Processor;
import org.apache.camel.Producer;
import org.apache.camel.spi.UriEndpoint;
import org.apache.camel.support.DefaultEndpoint;

/** One method of one server. Consumer only. */
@UriEndpoint(
    firstVersion = "0.1.0",
    scheme = RpcComponent.SCHEME,
    title = "gRPC method",
    syntax = "rpc:server/service/method",
    consumerOnly = true,
    category = Category.RPC)
public final class RpcEndpoint extends DefaultEndpoint {
  private final String serverName;
  private final String method;

  RpcEndpoint(String uri, RpcComponent component, String serverName, String method) {
    super(uri, component);
    this.serverName = serverName;
    this.method = method;
  }

  /** The server's name in the endpoint. */
  public String serverName() {
    return serverName;
  }

  /** For instance {@code spire.api.server.agent.v1.Agent/AttestAgent}. */
  public String method() {
    return method;
  }

  @Override
  public Producer createProducer() {
    throw new UnsupportedOperationException("rpc: only answers calls");
  }

  @Override
  public Consumer createConsumer(Processor processor) throws Exception {
    RpcServer server = ((RpcComponent) getComponent()).server(serverName);
    if (!server.offers(method)) {
      throw new IllegalArgumentException(
          "the server %s has no method %s".formatted(serverName, method));
    }
    server.announce(method);
    RpcConsumer consumer = new RpcConsumer(this, processor, server);
    configureConsumer(consumer);
    return consumer;
  }

  @Override
  public boolean isLenientProperties() {
    return false;
  }
}
