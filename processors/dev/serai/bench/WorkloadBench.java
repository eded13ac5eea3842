package dev.serai.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.app.LayeredSettings;
import dev.serai.app.RefuseProcessor;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.proto.workload.X509SVIDResponse;
import dev.serai.role.RoleContext;
import dev.serai.role.Settings;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.Database;
import dev.serai.workload.Snapshot;
import dev.serai.workload.WorkloadBeans;
import dev.serai.workload.WorkloadIdentity;
import dev.serai.workload.WorkloadIdentityCache;
import dev.serai.workload.WorkloadKey;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Clock;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.apache.camel.CamelContext;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.spi.Resource;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * How long a workload waits for its identity: the shipped Workload API routes on a socket of their
 * own, fed with made-up identities, called by a client in the same JVM while streams are open.
 */
public final class WorkloadBench {
  private static final int OPEN_STREAMS = 100;
  private static final int STREAMS_PER_CONNECTION = 10;
  private static final int ENTRIES = 200;
  private static final int WARM_UP = 4000;
  private static final int CALLS = 4000;
  private static final int CONNECTIONS = 200;
  private static final int UPDATES = 50;
  private static final double P50_TARGET_MS = 3;
  private static final double P99_TARGET_MS = 20;
  private static final TrustDomain DOMAIN = new TrustDomain("bench.example");

  private final MeterRegistry meters = new SimpleMeterRegistry();
  private final CamelContext camel = new DefaultCamelContext();
  private final Path directory;
  private final Path socket;

  private WorkloadBench(Path directory) {
    this.directory = directory;
    this.socket = directory.resolve("workload/api.sock");
  }

  /** Measures for some seconds; one line of JSON. */
  public static String run() throws Exception {
    WorkloadBench bench = new WorkloadBench(Files.createTempDirectory("serai-bench"));
    try {
      return new ObjectMapper().writeValueAsString(bench.measure());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    } finally {
      bench.close();
    }
  }

  private Map<String, Object> measure() throws Exception {
    WorkloadIdentityCache identities = startServer();
    KeyPair authorityKey = keyPair();
    X509Certificate authority = certificate(authorityKey, authorityKey, DOMAIN.id(), true);
    List<WorkloadIdentity> entries = new ArrayList<>();
    for (int i = 0; i < ENTRIES; i++) {
      entries.add(identity(authorityKey, "/other/" + i, "unix:uid:" + (100_000 + i)));
    }
    String me = "unix:uid:" + Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    entries.add(identity(authorityKey, "/me", me));
    identities.replace(new Snapshot(entries, DOMAIN, List.of(authority), Map.of()));

    List<ManagedChannel> channels = new ArrayList<>();
    AtomicReference<CountDownLatch> told = new AtomicReference<>(new CountDownLatch(OPEN_STREAMS));
    for (int i = 0; i < OPEN_STREAMS / STREAMS_PER_CONNECTION; i++) {
      ManagedChannel channel = SpiffeChannels.unix(socket);
      channels.add(channel);
      for (int j = 0; j < STREAMS_PER_CONNECTION; j++) {
        open(channel, told);
      }
    }
    require(told.get().await(30, TimeUnit.SECONDS), "streams did not open");

    ManagedChannel caller = SpiffeChannels.unix(socket);
    channels.add(caller);
    for (int i = 0; i < WARM_UP; i++) {
      firstMessage(caller);
    }
    long[] calls = new long[CALLS];
    for (int i = 0; i < CALLS; i++) {
      calls[i] = firstMessage(caller);
    }
    long[] fresh = new long[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++) {
      ManagedChannel channel = SpiffeChannels.unix(socket);
      fresh[i] = firstMessage(channel);
      channel.shutdownNow();
    }
    long[] updates = new long[UPDATES];
    for (int i = 0; i < UPDATES; i++) {
      entries.set(ENTRIES, identity(authorityKey, "/me", me));
      Snapshot next = new Snapshot(entries, DOMAIN, List.of(authority), Map.of());
      told.set(new CountDownLatch(OPEN_STREAMS));
      long start = System.nanoTime();
      identities.replace(next);
      require(told.get().await(30, TimeUnit.SECONDS), "streams did not hear of the update");
      updates[i] = System.nanoTime() - start;
    }
    channels.forEach(ManagedChannel::shutdownNow);

    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("bench", "workload");
    figures.put("openStreams", OPEN_STREAMS);
    figures.put("entries", ENTRIES + 1);
    figures.put("calls", CALLS);
    figures.put("firstMessageP50Ms", percentile(calls, 50));
    figures.put("firstMessageP99Ms", percentile(calls, 99));
    figures.put("firstMessageMaxMs", percentile(calls, 100));
    figures.put("newConnectionP50Ms", percentile(fresh, 50));
    figures.put("newConnectionP99Ms", percentile(fresh, 99));
    figures.put("updateOfAllStreamsP50Ms", percentile(updates, 50));
    figures.put("updateOfAllStreamsP99Ms", percentile(updates, 99));
    figures.put("targetP50Ms", P50_TARGET_MS);
    figures.put("targetP99Ms", P99_TARGET_MS);
    figures.put(
        "ok", percentile(calls, 50) < P50_TARGET_MS && percentile(calls, 99) < P99_TARGET_MS);
    return figures;
  }

  private WorkloadIdentityCache startServer() throws Exception {
    Map<String, String> overrides = new HashMap<>();
    overrides.put("serai.agent.workload-socket", socket.toString());
    Settings settings = LayeredSettings.load(Optional.empty(), Map.of(), overrides);
    camel.getRegistry().bind("metricsRegistry", MeterRegistry.class, meters);
    camel.getRegistry().bind("refuse", new RefuseProcessor(meters, Clock.systemUTC()));
    WorkloadIdentityCache identities = WorkloadBeans.bind(new BenchContext(settings));
    List<Resource> routes = new ArrayList<>();
    for (String route :
        List.of("common/error-handling", "agent/attest-workload", "agent/fetch-x509-svid")) {
      routes.add(
          ResourceHelper.resolveMandatoryResource(
              camel, "classpath:routes/" + route + ".camel.yaml"));
    }
    PluginHelper.getRoutesLoader(camel).loadRoutes(routes);
    camel.start();
    return identities;
  }

  private static Metadata header() {
    Metadata metadata = new Metadata();
    metadata.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    return metadata;
  }

  private static void open(Channel channel, AtomicReference<CountDownLatch> told) {
    SpiffeWorkloadAPIGrpc.newStub(channel)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header()))
        .fetchX509SVID(
            X509SVIDRequest.getDefaultInstance(),
            new StreamObserver<>() {
              @Override
              public void onNext(X509SVIDResponse state) {
                told.get().countDown();
              }

              @Override
              public void onError(Throwable failure) {
                // The streams are cut when the measurement is over.
              }

              @Override
              public void onCompleted() {}
            });
  }

  /** Opens a stream, waits for its first message, drops it. */
  private static long firstMessage(Channel channel) {
    Context.CancellableContext context = Context.current().withCancellation();
    Context before = context.attach();
    try {
      long start = System.nanoTime();
      X509SVIDResponse response =
          SpiffeWorkloadAPIGrpc.newBlockingStub(channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header()))
              .fetchX509SVID(X509SVIDRequest.getDefaultInstance())
              .next();
      long elapsed = System.nanoTime() - start;
      require(response.getSvidsCount() == 1, "one identity expected");
      return elapsed;
    } finally {
      context.detach(before);
      context.cancel(null);
    }
  }

  private static void require(boolean condition, String otherwise) {
    if (!condition) {
      throw new IllegalStateException(otherwise);
    }
  }

  private static double percentile(long[] nanos, int percent) {
    long[] sorted = nanos.clone();
    Arrays.sort(sorted);
    int index = Math.min(sorted.length - 1, (int) Math.ceil(sorted.length * percent / 100.0) - 1);
    return Math.round(sorted[Math.max(0, index)] / 1_000.0) / 1_000.0;
  }

  private static WorkloadIdentity identity(KeyPair authority, String path, String selector) {
    KeyPair key = keyPair();
    SpiffeId id = DOMAIN.withPath(path);
    return new WorkloadIdentity(
        id,
        Set.of(Selector.parse(selector)),
        "",
        List.of(certificate(key, authority, id, false)),
        WorkloadKey.of(key.getPrivate()),
        Set.of());
  }

  private static KeyPair keyPair() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static X509Certificate certificate(
      KeyPair subject, KeyPair issuer, SpiffeId id, boolean authority) {
    Instant now = Instant.now();
    JcaX509v3CertificateBuilder builder =
        new JcaX509v3CertificateBuilder(
            new X500Name("O=bench"),
            BigInteger.valueOf(System.nanoTime()).abs().add(BigInteger.ONE),
            Date.from(now.minusSeconds(60)),
            Date.from(now.plusSeconds(3600)),
            new X500Name("O=bench"),
            subject.getPublic());
    try {
      builder.addExtension(
          Extension.subjectAlternativeName,
          false,
          new GeneralNames(new GeneralName(GeneralName.uniformResourceIdentifier, id.toString())));
      builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(authority));
      builder.addExtension(
          Extension.keyUsage,
          true,
          new KeyUsage(authority ? KeyUsage.keyCertSign : KeyUsage.digitalSignature));
      return new JcaX509CertificateConverter()
          .getCertificate(
              builder.build(
                  new JcaContentSignerBuilder("SHA256withECDSA").build(issuer.getPrivate())));
    } catch (CertIOException | OperatorCreationException | GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private void close() throws IOException {
    camel.stop();
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  /** As much of a role's surroundings as the Workload API asks for. */
  private final class BenchContext implements RoleContext {
    private final Settings settings;

    BenchContext(Settings settings) {
      this.settings = settings;
    }

    @Override
    public Settings settings() {
      return settings;
    }

    @Override
    public Database database() {
      throw new UnsupportedOperationException();
    }

    @Override
    public InstantSource clock() {
      return Clock.systemUTC();
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
      return directory;
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
      throw new UnsupportedOperationException();
    }

    @Override
    public void onStop(AutoCloseable closeable) {
      throw new UnsupportedOperationException();
    }
  }
}
