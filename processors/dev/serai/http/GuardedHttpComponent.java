package dev.serai.http;

import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.component.netty.NettyServerBootstrapFactory;
import org.apache.camel.component.netty.ServerInitializerFactory;
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
  private static final int CONNECTIONS = 512;
  private static final Duration SILENCE = Duration.ofSeconds(30);

  private final Map<String, HttpServerBootstrapFactory> listeners = new ConcurrentHashMap<>();
  private final Set<GuardedListener> guards = ConcurrentHashMap.newKeySet();

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
        getCamelContext(), configuration, guard(configuration).createPipelineFactory(consumer));
    return listener;
  }

  /** The one the endpoint names; an operator's listener that names none is guarded all the same. */
  private ServerInitializerFactory guard(NettyHttpConfiguration configuration) {
    ServerInitializerFactory guard =
        configuration.getServerInitializerFactory() == null
            ? GuardedListener.of(CONNECTIONS, SILENCE)
            : configuration.getServerInitializerFactory();
    if (guard instanceof GuardedListener ours) {
      guards.add(ours);
    }
    return guard;
  }

  @Override
  protected void doStop() throws Exception {
    listeners.values().forEach(NettyServerBootstrapFactory::stop);
    listeners.clear();
    guards.forEach(GuardedListener::stop);
    guards.clear();
    super.doStop();
  }
}
