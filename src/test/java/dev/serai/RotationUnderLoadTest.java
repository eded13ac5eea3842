package dev.serai;

import static dev.serai.SovereignSite.IMEI;
import static dev.serai.SovereignSite.IMSI;
import static dev.serai.SovereignSite.MSISDN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.claims.Claims;
import dev.serai.claims.ClaimsExtension;
import dev.serai.proto.envoy.auth.v3.CheckResponse;
import dev.serai.reason.ReasonCode;
import io.spiffe.provider.SpiffeSslContextFactory;
import io.spiffe.provider.SpiffeSslContextFactory.SslContextOptions;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.workloadapi.DefaultX509Source;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Identities that live for some seconds and authorities that live for a minute, in the prototype's
 * form of claims, where a location is welcome and not required.
 */
@Tag("slow")
class RotationUnderLoadTest {
  /** A rotation that this machine was too slow to see comes again within a minute. */
  private static final Duration TWO_ROTATIONS = Duration.ofSeconds(180);

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path dir;
  private static SovereignSite site;

  @BeforeAll
  static void start() throws Exception {
    site =
        new SovereignSite(
            dir,
            "optional",
            ",\"latitude\":40.41,\"longitude\":-3.71,\"accuracy\":50",
            Duration.ofSeconds(32),
            Map.of(
                "serai.privacy", "compat",
                "serai.issuer.ca-ttl", "60s",
                "serai.issuer.svid-ttl", "16s",
                "serai.issuer.agent-ttl", "16s",
                "serai.issuer.rotation-check", "1s"));
    site.furnish("/server", "/client");
  }

  @AfterAll
  static void end() {
    if (site != null) {
      site.close();
    }
  }

  @BeforeEach
  void itsModemIsThere() throws Exception {
    site.plugIn();
  }

  private static SSLContext tls(DefaultX509Source source, String peer) {
    try {
      return SpiffeSslContextFactory.getSslContext(
          SslContextOptions.builder()
              .x509Source(source)
              .acceptedSpiffeIdsSupplier(
                  () -> Set.of(SpiffeId.parse("spiffe://test.example" + peer)))
              .build());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Answers each line with itself, on any number of connections, with the SVID it has just then.
   */
  private static final class EchoServer implements AutoCloseable {
    private final SSLServerSocket listener;
    private final ExecutorService threads = Executors.newCachedThreadPool();

    EchoServer(DefaultX509Source source) throws IOException {
      listener =
          (SSLServerSocket)
              tls(source, "/client")
                  .getServerSocketFactory()
                  .createServerSocket(0, 50, InetAddress.getLoopbackAddress());
      listener.setNeedClientAuth(true);
      threads.execute(this::accept);
    }

    private void accept() {
      try {
        while (true) {
          SSLSocket socket = (SSLSocket) listener.accept();
          threads.execute(() -> echo(socket));
        }
      } catch (IOException e) {
        return; // closed
      }
    }

    private static void echo(SSLSocket socket) {
      try (socket;
          BufferedReader in = reader(socket);
          PrintWriter out = writer(socket)) {
        for (String line = in.readLine(); line != null; line = in.readLine()) {
          out.println(line);
        }
      } catch (IOException e) {
        return; // the client counts what it lost
      }
    }

    int port() {
      return listener.getLocalPort();
    }

    @Override
    public void close() throws IOException {
      listener.close();
      threads.shutdownNow();
    }
  }

  private static BufferedReader reader(SSLSocket socket) throws IOException {
    return new BufferedReader(
        new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
  }

  private static PrintWriter writer(SSLSocket socket) throws IOException {
    return new PrintWriter(socket.getOutputStream(), true, StandardCharsets.US_ASCII);
  }

  /** One connection of the client workload. */
  private static final class Connection implements AutoCloseable {
    private final SSLSocket socket;
    private final BufferedReader in;
    private final PrintWriter out;

    /** With a context of its own, so that no session of before is taken up. */
    Connection(DefaultX509Source source, int port) throws IOException {
      socket =
          (SSLSocket)
              tls(source, "/server")
                  .getSocketFactory()
                  .createSocket(InetAddress.getLoopbackAddress(), port);
      socket.setSoTimeout(60_000);
      in = reader(socket);
      out = writer(socket);
    }

    /** Whether the answer is that of this request. */
    boolean ask(String request) throws IOException {
      out.println(request);
      return request.equals(in.readLine());
    }

    X509Certificate server() throws IOException {
      return (X509Certificate) socket.getSession().getPeerCertificates()[0];
    }

    X509Certificate own() {
      return (X509Certificate) socket.getSession().getLocalCertificates()[0];
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  /** The authority of the bundle that signed it, by its serial number. */
  private static String signerOf(X509Certificate leaf, DefaultX509Source source) throws Exception {
    for (X509Certificate authority :
        source
            .getBundleForTrustDomain(source.getX509Svid().getSpiffeId().getTrustDomain())
            .getX509Authorities()) {
      try {
        leaf.verify(authority.getPublicKey());
        return authority.getSerialNumber().toString(16);
      } catch (GeneralSecurityException e) {
        continue; // another one's
      }
    }
    throw new IllegalStateException("no authority of the bundle signed it");
  }

  @Test
  void a14_a16_no_request_is_lost_while_identities_and_authorities_rotate() throws Exception {
    Set<String> servers = ConcurrentHashMap.newKeySet();
    Set<String> clients = ConcurrentHashMap.newKeySet();
    Set<String> serverSigners = ConcurrentHashMap.newKeySet();
    Set<String> clientSigners = ConcurrentHashMap.newKeySet();
    List<String> lost = new CopyOnWriteArrayList<>();
    AtomicLong asked = new AtomicLong();
    AtomicLong fresh = new AtomicLong();
    ExecutorService lanes = Executors.newFixedThreadPool(2);
    try (DefaultX509Source server = site.source("/server");
        DefaultX509Source client = site.source("/client");
        EchoServer echo = new EchoServer(server);
        Connection longOne = new Connection(client, echo.port())) {
      assertThat(longOne.ask("hello")).isTrue();
      X509Certificate first = longOne.server();
      serverSigners.add(signerOf(first, client));
      Future<?> existing =
          lanes.submit(
              () -> {
                while (!Thread.currentThread().isInterrupted() && lost.isEmpty()) {
                  String request = "HELLO #" + asked.incrementAndGet();
                  if (!longOne.ask(request)) {
                    lost.add(request);
                  }
                  TimeUnit.MILLISECONDS.sleep(5);
                }
                return null;
              });
      Future<?> renewed =
          lanes.submit(
              () -> {
                while (!Thread.currentThread().isInterrupted() && lost.isEmpty()) {
                  String request = "NEW #" + fresh.incrementAndGet();
                  try (Connection connection = new Connection(client, echo.port())) {
                    if (!connection.ask(request)) {
                      lost.add(request);
                    }
                    servers.add(connection.server().getSerialNumber().toString(16));
                    clients.add(connection.own().getSerialNumber().toString(16));
                    serverSigners.add(signerOf(connection.server(), client));
                    clientSigners.add(signerOf(connection.own(), client));
                  }
                  TimeUnit.MILLISECONDS.sleep(100);
                }
                return null;
              });
      // A lane that ended has lost something: it is asked why below.
      await()
          .atMost(TWO_ROTATIONS)
          .until(
              () ->
                  existing.isDone()
                      || renewed.isDone()
                      || (servers.size() >= 3
                          && clients.size() >= 3
                          && serverSigners.size() >= 2
                          && clientSigners.size() >= 2));
      long before = asked.get();
      await()
          .atMost(SovereignSite.SOON)
          .until(() -> existing.isDone() || asked.get() > before + 10);
      if (existing.isDone()) {
        existing.get();
      }
      if (renewed.isDone()) {
        renewed.get();
      }
      assertThat(lost).isEmpty();
      assertThat(servers).as("SVIDs of the server").hasSizeGreaterThanOrEqualTo(3);
      assertThat(clients).as("SVIDs of the client").hasSizeGreaterThanOrEqualTo(3);
      assertThat(serverSigners).as("authorities").hasSizeGreaterThanOrEqualTo(2);
      assertThat(clientSigners).as("authorities").hasSizeGreaterThanOrEqualTo(2);
      assertThat(longOne.server()).as("the connection of the beginning").isEqualTo(first);
      existing.cancel(true);
      renewed.cancel(true);
    } finally {
      lanes.shutdownNow();
      assertThat(lanes.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void a04_claims_have_the_prototype_s_form_where_that_is_asked_for() throws Exception {
    JsonNode agent = JSON.readTree(located("").json());
    assertThat(agent.path("grc.workload").path("workload-id").asText())
        .isEqualTo("spiffe://test.example/spire/agent/unified_identity/" + site.nodeId());
    assertThat(agent.path("grc.workload").path("key-source").asText()).isEqualTo("tpm-app-key");
    JsonNode tpm = agent.path("grc.tpm-attestation");
    assertThat(tpm.path("app-key-public").asText()).startsWith("-----BEGIN PUBLIC KEY-----");
    assertThat(tpm.path("app-key-certificate").asText()).isNotEmpty();
    assertThat(tpm.path("challenge-nonce").asText()).matches("[0-9a-f]{64}");
    JsonNode place = agent.path("grc.geolocation");
    assertThat(place.path("tpm-attested-location").booleanValue()).isTrue();
    assertThat(place.path("tpm-attested-pcr-index").intValue()).isEqualTo(15);
    JsonNode mobile = place.path("mobile");
    assertThat(mobile.path("sensor_id").asText()).isEqualTo("12d1:1433");
    assertThat(mobile.path("sensor_imei").asText()).isEqualTo(IMEI);
    assertThat(mobile.path("sim_imsi").asText()).isEqualTo(IMSI);
    assertThat(mobile.path("sim_msisdn").asText()).isEqualTo("tel:" + MSISDN);
    assertThat(mobile.at("/location_verification/latitude").doubleValue()).isEqualTo(40.41);
    assertThat(mobile.at("/location_verification/longitude").doubleValue()).isEqualTo(-3.71);
    assertThat(mobile.at("/location_verification/accuracy").doubleValue()).isEqualTo(50);
    JsonNode word = agent.path("grc.mno_endorsement");
    assertThat(word.path("verified").booleanValue()).isTrue();
    assertThat(word.path("key_id").asText()).isNotEmpty();
    assertThat(word.path("signature").asText()).isNotEmpty();
    assertThat(word.path("data_b64").asText()).isNotEmpty();

    JsonNode workload = JSON.readTree(located("/client").json());
    assertThat(workload.path("grc.workload").path("workload-id").asText())
        .isEqualTo("spiffe://test.example/client");
    assertThat(workload.path("grc.workload").path("key-source").asText()).isEqualTo("workload-key");
    assertThat(workload.path("grc.mno_endorsement").path("verified").booleanValue()).isTrue();
  }

  /** "" is the agent itself. */
  private static Claims located(String path) throws Exception {
    return await()
        .atMost(SovereignSite.SOON)
        .ignoreExceptions()
        .until(
            () ->
                ClaimsExtension.read(path.isEmpty() ? site.agentLeaf() : site.leaf(path))
                    .orElseThrow(),
            claims -> claims.geolocation().isPresent());
  }

  private static void opens() {
    await()
        .atMost(SovereignSite.SOON)
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              CheckResponse answer = site.gate(site.leaf("/client"));
              assertThat(answer.getStatus().getCode()).as(answer.toString()).isZero();
            });
  }

  @Test
  void a07_a08_a09_the_gate_misses_the_claim_of_an_unplugged_sensor_from_the_next_renewal_on()
      throws Exception {
    opens();
    site.unplug();
    await()
        .atMost(SovereignSite.SOON)
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              CheckResponse answer = site.gate(site.leaf("/client"));
              assertThat(answer.getStatus().getMessage())
                  .isEqualTo(ReasonCode.GATE_CLAIM_MISSING.name());
              assertThat(answer.getDeniedResponse().getStatus().getCode()).isEqualTo(403);
              assertThat(answer.getDeniedResponse().getBody()).isEqualTo("Geo Claim Missing");
            });
    site.plugIn();
    opens();
  }
}
