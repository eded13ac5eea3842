package dev.serai.http;

import dev.serai.rpc.SocketAccess;
import dev.serai.rpc.UnixListener;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.component.netty.NettyServerBootstrapFactory;
import org.apache.camel.component.netty.ServerInitializerFactory;
import org.apache.camel.component.netty.http.HttpServerBootstrapFactory;
import org.apache.camel.component.netty.http.HttpServerConsumerChannelFactory;
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
    NettyHttpConfiguration configuration = consumer.getConfiguration();
    String socket = configuration.getUnixDomainSocketPath();
    return listeners.computeIfAbsent(
        socket == null ? configuration.getAddress() : socket, address -> listener(consumer));
  }

  private HttpServerBootstrapFactory listener(NettyHttpConsumer consumer) {
    NettyHttpConfiguration configuration = consumer.getConfiguration();
    HttpServerConsumerChannelFactory routes = getMultiplexChannelHandler(configuration.getPort());
    ServerInitializerFactory guard = guard(configuration);
    String socket = configuration.getUnixDomainSocketPath();
    HttpServerBootstrapFactory listener =
        socket == null
            ? new HttpServerBootstrapFactory(routes)
            : new OnUnixSocket(routes, new UnixListener(Path.of(socket), access(guard)));
    listener.init(getCamelContext(), configuration, guard.createPipelineFactory(consumer));
    return listener;
  }

  private static SocketAccess access(ServerInitializerFactory guard) {
    return guard instanceof GuardedListener ours ? ours.access() : SocketAccess.OWNER;
  }

  /** A listener whose path is made free before it is bound and given its mode after. */
  private static final class OnUnixSocket extends HttpServerBootstrapFactory {
    private final UnixListener files;

    private OnUnixSocket(HttpServerConsumerChannelFactory routes, UnixListener files) {
      super(routes);
      this.files = files;
    }

    @Override
    protected void doStart() throws Exception {
      files.prepare();
      try {
        super.doStart();
        files.open();
      } catch (Exception e) {
        files.close();
        throw e;
      }
    }

    @Override
    protected void doStop() throws Exception {
      try {
        super.doStop();
        Files.deleteIfExists(files.path());
      } finally {
        files.close();
      }
    }
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
