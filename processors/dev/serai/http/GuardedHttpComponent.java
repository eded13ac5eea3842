package dev.serai.http;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.component.netty.NettyServerBootstrapFactory;
import org.apache.camel.component.netty.http.HttpServerBootstrapFactory;
import org.apache.camel.component.netty.http.NettyHttpComponent;
import org.apache.camel.component.netty.http.NettyHttpConfiguration;
import org.apache.camel.component.netty.http.NettyHttpConsumer;

/**
 * {@code netty-http:} whose listeners take the {@code serverInitializerFactory} of their endpoint.
 * The stock component passes over that option, and with it the limits of {@link GuardedListener}
 * and its question for a client certificate.
 */
public final class GuardedHttpComponent extends NettyHttpComponent {
  private final Map<String, HttpServerBootstrapFactory> listeners = new ConcurrentHashMap<>();

  @Override
  protected HttpServerBootstrapFactory getOrCreateHttpNettyServerBootstrapFactory(
      NettyHttpConsumer consumer) {
    return listeners.computeIfAbsent(
        consumer.getConfiguration().getAddress(), address -> listener(consumer));
  }

  private HttpServerBootstrapFactory listener(NettyHttpConsumer consumer) {
    NettyHttpConfiguration configuration = consumer.getConfiguration();
    HttpServerBootstrapFactory listener =
        new HttpServerBootstrapFactory(getMultiplexChannelHandler(configuration.getPort()));
    listener.init(
        getCamelContext(),
        configuration,
        configuration.getServerInitializerFactory().createPipelineFactory(consumer));
    return listener;
  }

  @Override
  protected void doStop() throws Exception {
    listeners.values().forEach(NettyServerBootstrapFactory::stop);
    listeners.clear();
    super.doStop();
  }
}
