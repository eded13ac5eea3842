package dev.serai.workload;

import dev.serai.app.LayeredSettings;
import dev.serai.app.RefuseProcessor;
import dev.serai.role.RoleContext;
import dev.serai.role.Settings;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.Database;
import dev.serai.testing.TestAuthority;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.unix.DomainSocketAddress;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.camel.CamelContext;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.spi.Resource;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;

/** The shipped Workload API routes on a socket of a test, fed by the test. */
final class WorkloadApiFixture implements AutoCloseable {
  static final TrustDomain DOMAIN = new TrustDomain("test.example");

  final TestAuthority authority = new TestAuthority(DOMAIN.name());
  final MeterRegistry meters = new SimpleMeterRegistry();
  final WorkloadIdentityCache identities;
  final Path socket;
  final CamelContext camel = new DefaultCamelContext();
  private final EventLoopGroup clientLoop = new EpollEventLoopGroup(1);
  private final List<ManagedChannel> channels = new ArrayList<>();

  WorkloadApiFixture(Path directory) throws Exception {
    this(directory, Clock.systemUTC());
  }

  WorkloadApiFixture(Path directory, InstantSource clock) throws Exception {
    socket = directory.resolve("workload/api.sock");
    Map<String, String> overrides = new HashMap<>();
    overrides.put("serai.agent.workload-socket", socket.toString());
    Settings settings = LayeredSettings.load(Optional.empty(), Map.of(), overrides);
    camel.getRegistry().bind("metricsRegistry", MeterRegistry.class, meters);
    camel.getRegistry().bind("refuse", new RefuseProcessor(meters, clock));
    identities = WorkloadBeans.bind(new Context(settings, clock));
    List<Resource> routes = new ArrayList<>();
    for (String file :
        List.of(
            "common/error-handling",
            "agent/attest-workload",
            "agent/fetch-x509-svid",
            "agent/fetch-x509-bundles")) {
      routes.add(
          ResourceHelper.resolveMandatoryResource(
              camel, "classpath:routes/" + file + ".camel.yaml"));
    }
    PluginHelper.getRoutesLoader(camel).loadRoutes(routes);
    camel.start();
  }

  String address() {
    return "unix://" + socket;
  }

  ManagedChannel channel() {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toString()))
            .eventLoopGroup(clientLoop)
            .channelType(EpollDomainSocketChannel.class)
            .withOption(ChannelOption.SO_KEEPALIVE, null)
            .usePlaintext()
            .overrideAuthority("localhost")
            .build();
    channels.add(channel);
    return channel;
  }

  /** An entry with a new key and certificate. */
  WorkloadIdentity identity(String path, String hint, String... selectors) {
    return identity(path, hint, Duration.ofHours(1), selectors);
  }

  WorkloadIdentity identity(String path, String hint, Duration lifetime, String... selectors) {
    KeyPair key = TestAuthority.keyPair();
    SpiffeId id = DOMAIN.withPath(path);
    return new WorkloadIdentity(
        id,
        Set.of(selectors).stream()
            .map(Selector::parse)
            .collect(java.util.stream.Collectors.toSet()),
        hint,
        List.of(authority.leaf(key, List.of(id.toString()), false, lifetime)),
        WorkloadKey.of(key.getPrivate()),
        Set.of());
  }

  Snapshot snapshot(WorkloadIdentity... all) {
    return new Snapshot(List.of(all), DOMAIN, authority.bundle(), Map.of());
  }

  void give(WorkloadIdentity... all) {
    identities.replace(snapshot(all));
  }

  @Override
  public void close() throws Exception {
    channels.forEach(ManagedChannel::shutdownNow);
    camel.close();
    var unused = clientLoop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }

  private final class Context implements RoleContext {
    private final Settings settings;
    private final InstantSource clock;

    Context(Settings settings, InstantSource clock) {
      this.settings = settings;
      this.clock = clock;
    }

    @Override
    public Settings settings() {
      return settings;
    }

    @Override
    public Database database() {
      throw new IllegalStateException("the Workload API has no database");
    }

    @Override
    public InstantSource clock() {
      return clock;
    }

    @Override
    public MeterRegistry meters() {
      return meters;
    }

    @Override
    public CamelContext camel() {
      return camel;
    }

    @Override
    public Set<String> roles() {
      return Set.of("agent");
    }

    @Override
    public Path stateDir() {
      throw new IllegalStateException("the Workload API has no state");
    }

    @Override
    public void bind(String name, Object bean) {
      camel.getRegistry().bind(name, bean);
    }

    @Override
    public <T> T find(String name, Class<T> type) {
      return camel.getRegistry().lookupByNameAndType(name, type);
    }

    @Override
    public void afterStart(Runnable action) {
      throw new IllegalStateException("nothing is left for later");
    }

    @Override
    public void onStop(AutoCloseable closeable) {
      throw new IllegalStateException("nothing is left open");
    }
  }
}
