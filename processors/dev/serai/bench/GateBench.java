package dev.serai.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.claims.Claims;
import dev.serai.claims.ClaimsExtension;
import dev.serai.claims.Privacy;
import dev.serai.gate.GateKernel;
import dev.serai.location.Assurance;
import dev.serai.net.MaterialSource;
import dev.serai.net.SpiffeChannels;
import dev.serai.net.X509Material;
import dev.serai.proto.envoy.auth.v3.AttributeContext;
import dev.serai.proto.envoy.auth.v3.AuthorizationGrpc;
import dev.serai.proto.envoy.auth.v3.CheckRequest;
import dev.serai.signing.FastCurves;
import dev.serai.spiffe.TrustDomain;
import io.grpc.ManagedChannel;
import java.math.BigInteger;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Predicate;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * Decisions of the gate through its shipped route, the operator's answer remembered: of a client
 * that was seen before, by route and as a proxy asks over gRPC, and of clients that are new (their
 * certificates are validated). Two threads.
 */
public final class GateBench {
  private static final String DOMAIN = "bench.example";
  private static final int THREADS = 2;
  private static final int WARM_UP = 20_000;
  private static final int KNOWN = 60_000;
  private static final int NEW_CLIENTS = 6_000;
  private static final int NEW_WARM_UP = 6_000;

  private GateBench() {}

  /** One line of JSON. */
  public static String run() throws Exception {
    FastCurves.install(); // as a process does
    KeyPair authority = IssuingBench.newKey();
    X509Certificate root = root(authority);
    X509Material material = material(authority, root);
    Path dir = Files.createTempDirectory("sb");
    Path socket = dir.resolve("gate.sock");
    try (GateKernel gate = GateKernel.open(TrustDomain.parse(DOMAIN), fixed(material), socket)) {
      List<String> warm = List.of(client(authority, root));
      measure(gate::decide, warm, WARM_UP);
      double[] known = measure(gate::decide, warm, KNOWN);
      double[] proxy = ofProxy(socket, warm.get(0));
      List<String> clients = new ArrayList<>();
      for (int i = 0; i < NEW_WARM_UP + NEW_CLIENTS; i++) {
        clients.add(client(authority, root));
      }
      measure(gate::decide, clients.subList(0, NEW_WARM_UP), NEW_WARM_UP);
      double[] fresh =
          measure(gate::decide, clients.subList(NEW_WARM_UP, clients.size()), NEW_CLIENTS);
      ObjectNode line = new ObjectMapper().createObjectNode();
      line.put("bench", "gate").put("threads", THREADS);
      put(line, "known_client", known);
      put(line, "proxy_known_client", proxy);
      put(line, "new_client", fresh);
      line.put("wanted_decisions_per_second", 3_000).put("wanted_p50_ms", 2);
      return line.toString();
    } finally {
      OwnProcess.remove(dir);
    }
  }

  /** The same decisions asked by Envoy's external authorization, over one connection. */
  private static double[] ofProxy(Path socket, String pem) throws Exception {
    CheckRequest request =
        CheckRequest.newBuilder()
            .setAttributes(
                AttributeContext.newBuilder()
                    .setSource(
                        AttributeContext.Peer.newBuilder()
                            .setCertificate(
                                URLEncoder.encode(pem, StandardCharsets.US_ASCII)
                                    .replace("+", "%20"))))
            .build();
    ManagedChannel channel = SpiffeChannels.unix(socket);
    try {
      AuthorizationGrpc.AuthorizationBlockingStub proxy =
          AuthorizationGrpc.newBlockingStub(channel);
      Predicate<String> asked = any -> proxy.check(request).hasOkResponse();
      measure(asked, List.of(pem), WARM_UP);
      return measure(asked, List.of(pem), KNOWN);
    } finally {
      channel.shutdownNow();
    }
  }

  private static void put(ObjectNode line, String of, double[] figures) {
    line.put(of + "_decisions_per_second", Math.round(figures[0]))
        .put(of + "_p50_ms", figures[1])
        .put(of + "_p99_ms", figures[2]);
  }

  /** Decisions a second, median and p99 in milliseconds. */
  private static double[] measure(Predicate<String> gate, List<String> clients, int decisions)
      throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      long begin = System.nanoTime();
      List<Future<long[]>> parts = new ArrayList<>();
      for (int thread = 0; thread < THREADS; thread++) {
        int first = thread;
        parts.add(threads.submit(() -> decide(gate, clients, first, decisions / THREADS)));
      }
      long[] times = new long[decisions / THREADS * THREADS];
      int at = 0;
      for (Future<long[]> part : parts) {
        long[] own = part.get();
        System.arraycopy(own, 0, times, at, own.length);
        at += own.length;
      }
      double seconds = (System.nanoTime() - begin) / 1e9;
      Arrays.sort(times);
      return new double[] {
        times.length / seconds,
        millis(times[times.length / 2]),
        millis(times[times.length * 99 / 100])
      };
    } finally {
      threads.shutdownNow();
    }
  }

  private static long[] decide(Predicate<String> gate, List<String> clients, int first, int count) {
    long[] times = new long[count];
    for (int i = 0; i < count; i++) {
      String client = clients.get((first + i * THREADS) % clients.size());
      long begin = System.nanoTime();
      boolean allowed = gate.test(client);
      times[i] = System.nanoTime() - begin;
      if (!allowed) {
        throw new IllegalStateException("the gate did not open");
      }
    }
    return times;
  }

  private static double millis(long nanos) {
    return Math.round(nanos / 1000.0) / 1000.0;
  }

  private static MaterialSource fixed(X509Material material) {
    return new MaterialSource() {
      @Override
      public Optional<X509Material> current() {
        return Optional.of(material);
      }

      @Override
      public AutoCloseable onChange(Runnable action) {
        return () -> {};
      }
    };
  }

  private static X509Material material(KeyPair authority, X509Certificate root) throws Exception {
    KeyPair key = IssuingBench.newKey();
    return new X509Material(
        List.of(leaf(authority, root, key, "/serai/gate", Optional.empty())),
        key.getPrivate(),
        List.of(root));
  }

  private static String client(KeyPair authority, X509Certificate root) throws Exception {
    Instant now = Instant.now();
    Claims claims =
        Claims.of(
            Optional.of(new Claims.Workload("spiffe://" + DOMAIN + "/web", Claims.WORKLOAD_KEY)),
            Optional.empty(),
            Optional.of(
                new Claims.Geolocation(
                    "mobile",
                    Optional.of("madrid"),
                    Optional.of(Assurance.OPERATOR_VERIFIED),
                    Optional.of(now.minusSeconds(1)),
                    Optional.of(now.plusSeconds(3600)),
                    Optional.of("ab".repeat(32)),
                    Optional.empty())),
            Optional.empty());
    byte[] value = ClaimsExtension.encode(claims, Privacy.STRICT).toArray();
    X509Certificate leaf = leaf(authority, root, IssuingBench.newKey(), "/web", Optional.of(value));
    return "-----BEGIN CERTIFICATE-----\n"
        + Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
            .encodeToString(leaf.getEncoded())
        + "\n-----END CERTIFICATE-----\n";
  }

  private static X509Certificate root(KeyPair key) throws Exception {
    JcaX509v3CertificateBuilder builder =
        builder(new X500Name("CN=bench"), new X500Name("CN=bench"), key);
    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
    builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign));
    builder.addExtension(Extension.subjectAlternativeName, false, uri("spiffe://" + DOMAIN));
    return signed(builder, key);
  }

  private static X509Certificate leaf(
      KeyPair authority, X509Certificate root, KeyPair key, String path, Optional<byte[]> claims)
      throws Exception {
    JcaX509v3CertificateBuilder builder =
        builder(
            X500Name.getInstance(root.getSubjectX500Principal().getEncoded()),
            new X500Name("O=bench"),
            key);
    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
    builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
    builder.addExtension(Extension.subjectAlternativeName, false, uri("spiffe://" + DOMAIN + path));
    if (claims.isPresent()) {
      builder.addExtension(new ASN1ObjectIdentifier(ClaimsExtension.OID), false, claims.get());
    }
    return signed(builder, authority);
  }

  private static GeneralNames uri(String id) {
    return new GeneralNames(new GeneralName(GeneralName.uniformResourceIdentifier, id));
  }

  private static JcaX509v3CertificateBuilder builder(
      X500Name issuer, X500Name subject, KeyPair key) {
    Instant now = Instant.now();
    return new JcaX509v3CertificateBuilder(
        issuer,
        BigInteger.valueOf(System.nanoTime()),
        Date.from(now.minusSeconds(60)),
        Date.from(now.plusSeconds(3600)),
        subject,
        key.getPublic());
  }

  private static X509Certificate signed(JcaX509v3CertificateBuilder builder, KeyPair key)
      throws Exception {
    return new JcaX509CertificateConverter()
        .getCertificate(
            builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(key.getPrivate())));
  }
}
