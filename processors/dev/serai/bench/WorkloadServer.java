package dev.serai.bench;

import dev.serai.app.LayeredSettings;
import dev.serai.app.RefuseProcessor;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RoleContext;
import dev.serai.role.Settings;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.Database;
import dev.serai.workload.WorkloadBeans;
import dev.serai.workload.WorkloadIdentity;
import dev.serai.workload.WorkloadIdentityCache;
import dev.serai.workload.WorkloadKey;
import io.grpc.Metadata;
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
import java.util.Comparator;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
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
 * The shipped Workload API routes on a socket of their own, fed with made-up identities; what the
 * benchmarks of it have in common.
 */
final class WorkloadServer implements AutoCloseable {
  static final TrustDomain DOMAIN = new TrustDomain("bench.example");

  private final MeterRegistry meters = new SimpleMeterRegistry();
  private final CamelContext camel = new DefaultCamelContext();
  private final Path directory;
  private final Path socket;
  private final WorkloadIdentityCache identities;

  private WorkloadServer(Path directory, Map<String, String> limits) throws Exception {
    this.directory = directory;
    this.socket = directory.resolve("workload/api.sock");
    this.identities = serve(limits);
  }

  /** Serves; limits: keys that are to differ from the shipped ones. */
  static WorkloadServer start(Map<String, String> limits) throws Exception {
    return new WorkloadServer(Files.createTempDirectory("serai-bench"), limits);
  }

  Path socket() {
    return socket;
  }

  WorkloadIdentityCache identities() {
    return identities;
  }

  /** The selector of whoever runs this. */
  static String ownUid() throws IOException {
    return "unix:uid:" + Files.getAttribute(Path.of("/proc/self"), "unix:uid");
  }

  private WorkloadIdentityCache serve(Map<String, String> limits) throws Exception {
    Map<String, String> overrides = new HashMap<>(limits);
    overrides.put("serai.agent.workload-socket", socket.toString());
    Settings settings = LayeredSettings.load(Optional.empty(), Map.of(), overrides);
    camel.getRegistry().bind("metricsRegistry", MeterRegistry.class, meters);
    camel.getRegistry().bind("refuse", new RefuseProcessor(meters, Clock.systemUTC()));
    WorkloadIdentityCache identities =
        WorkloadBeans.bind(
            new BenchContext(settings),
            (identity, audience) ->
                CompletableFuture.failedFuture(
                    new RefusalException(
                        ReasonCode.JWT_SVID_NOT_ISSUED, "the benchmark has no issuer")));
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

  static Metadata header() {
    Metadata metadata = new Metadata();
    metadata.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    return metadata;
  }

  static WorkloadIdentity identity(KeyPair authority, String path, String selector) {
    KeyPair key = keyPair();
    SpiffeId id = DOMAIN.withPath(path);
    return new WorkloadIdentity(
        new WorkloadIdentity.Entry(path, 0),
        id,
        Set.of(Selector.parse(selector)),
        "",
        List.of(certificate(key, authority, id, false)),
        WorkloadKey.of(key.getPrivate()),
        Set.of());
  }

  static KeyPair keyPair() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  static X509Certificate certificate(
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

  @Override
  public void close() throws IOException {
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
