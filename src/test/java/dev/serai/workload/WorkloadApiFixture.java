package dev.serai.workload;

import dev.serai.app.LayeredSettings;
import dev.serai.app.RefuseProcessor;
import dev.serai.jwtsvid.ClaimedJwtSvid;
import dev.serai.role.RoleContext;
import dev.serai.role.Settings;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.Database;
import dev.serai.testing.TestAuthority;
import dev.serai.testing.TestJwtAuthority;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.unix.DomainSocketAddress;
import java.nio.charset.StandardCharsets;
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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.camel.CamelContext;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.spi.Resource;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;

/** The shipped Workload API routes on a socket of a test, fed by the test. */
final class WorkloadApiFixture implements AutoCloseable {
  static final TrustDomain DOMAIN = new TrustDomain("test.example");

  final TestAuthority authority = new TestAuthority(DOMAIN.name());
  final TestJwtAuthority jwtAuthority = new TestJwtAuthority(DOMAIN.name(), "key-1");

  /** Where tokens come from; a test may put another way here. */
  final AtomicReference<JwtSvidSource> tokens = new AtomicReference<>();

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
    identities =
        WorkloadBeans.bind(
            new Context(settings, clock), (identity, audience) -> issue(identity, audience, clock));
    List<Resource> routes = new ArrayList<>();
    for (String file :
        List.of(
            "common/error-handling",
            "agent/attest-workload",
            "agent/fetch-x509-svid",
            "agent/fetch-x509-bundles",
            "agent/fetch-jwt-svid",
            "agent/fetch-jwt-bundles",
            "agent/validate-jwt-svid")) {
      routes.add(
          ResourceHelper.resolveMandatoryResource(
              camel, "classpath:routes/" + file + ".camel.yaml"));
    }
    PluginHelper.getRoutesLoader(camel).loadRoutes(routes);
    camel.start();
  }

  private CompletableFuture<ClaimedJwtSvid> issue(
      WorkloadIdentity identity, Set<String> audience, InstantSource clock) {
    JwtSvidSource other = tokens.get();
    return other != null
        ? other.fetch(identity, audience)
        : CompletableFuture.completedFuture(
            ClaimedJwtSvid.parse(
                jwtAuthority.token(
                    identity.id().path(),
                    List.copyOf(audience),
                    clock.instant(),
                    Duration.ofMinutes(5))));
  }

  /** The bundle as java-spiffe reads it. */
  io.spiffe.bundle.jwtbundle.JwtBundle jwtSpiffeBundle() throws Exception {
    return io.spiffe.bundle.jwtbundle.JwtBundle.parse(
        io.spiffe.spiffeid.TrustDomain.parse(DOMAIN.name()),
        jwtAuthority.bundle().jwks().getBytes(StandardCharsets.UTF_8));
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
        new WorkloadIdentity.Entry(path + hint, 0),
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
    return new Snapshot(
        List.of(all), List.of(), DOMAIN, authority.bundle(), Map.of(), jwtAuthority.bundle());
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
