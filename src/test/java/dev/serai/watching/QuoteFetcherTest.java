package dev.serai.watching;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.serai.appraisal.NodeRecord;
import dev.serai.appraisal.SoftwareTpm;
import dev.serai.http.HttpGet;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.apache.camel.impl.DefaultCamelContext;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Whom the verifier believes to be a node's agent, and how long it waits. */
class QuoteFetcherTest {
  private static final byte[] ANSWER =
      ("{\"code\":200,\"status\":\"Success\",\"results\":{\"quote\":\"rAA==:AA==:AA==\","
              + "\"hash_alg\":\"sha256\",\"enc_alg\":\"ecc256\",\"sign_alg\":\"ecdsa\"}}")
          .getBytes(StandardCharsets.UTF_8);

  private static HttpGet http;
  private static HttpsServer server;
  private static X509Certificate own;
  private static X509Certificate other;

  @BeforeAll
  static void start() throws Exception {
    http = new HttpGet("test", 1 << 20);
    own = selfSigned(SoftwareTpm.P256);
    other = selfSigned(SoftwareTpm.OTHER_P256);
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry("agent", SoftwareTpm.P256.getPrivate(), new char[0], new Certificate[] {own});
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(store, new char[0]);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(keys.getKeyManagers(), null, null);
    server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    server.setHttpsConfigurator(new HttpsConfigurator(tls));
    server.createContext(
        "/",
        exchange -> {
          exchange.sendResponseHeaders(200, ANSWER.length);
          exchange.getResponseBody().write(ANSWER);
          exchange.close();
        });
    server.start();
  }

  @AfterAll
  static void stop() {
    server.stop(0);
    http.close();
  }

  private static X509Certificate selfSigned(KeyPair keys) throws Exception {
    X500Name name = new X500Name("CN=agent");
    Instant now = Instant.now();
    return new JcaX509CertificateConverter()
        .getCertificate(
            new JcaX509v3CertificateBuilder(
                    name,
                    BigInteger.ONE,
                    Date.from(now.minusSeconds(60)),
                    Date.from(now.plusSeconds(3600)),
                    name,
                    keys.getPublic())
                .build(new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate())));
  }

  private static String pem(X509Certificate certificate) throws Exception {
    return "-----BEGIN CERTIFICATE-----\n"
        + Base64.getMimeEncoder().encodeToString(certificate.getEncoded())
        + "\n-----END CERTIFICATE-----\n";
  }

  private static FetchOutcome fetch(
      boolean allowClear, String host, int port, Optional<String> certificate) throws Exception {
    return fetch(allowClear, host, port, certificate, Duration.ofSeconds(30));
  }

  private static FetchOutcome fetch(
      boolean allowClear,
      String host,
      int port,
      Optional<String> certificate,
      Duration quoteDeadline)
      throws Exception {
    NodeRecord node =
        new NodeRecord(
            "n",
            FakeAgent.EK,
            FakeAgent.AK,
            NodeRecord.Standing.ACTIVATED,
            host,
            port,
            certificate);
    WatchSettings settings =
        new WatchSettings(
            Duration.ofSeconds(1),
            quoteDeadline,
            Duration.ofMinutes(5),
            Duration.ofMinutes(1),
            10,
            allowClear);
    try (DefaultCamelContext camel = new DefaultCamelContext()) {
      return new QuoteFetcher(http, settings, Optional::empty, camel)
          .fetch(
              new QuoteRequest(node, "nonce", PcrSelection.ofMask(TpmHash.SHA256, 1)),
              "0".repeat(32))
          .get(60, TimeUnit.SECONDS);
    }
  }

  private static int port() {
    return server.getAddress().getPort();
  }

  private static void assertUnanswered(FetchOutcome outcome) {
    assertThat(outcome).isInstanceOf(FetchOutcome.Unanswered.class);
    assertThat(((FetchOutcome.Unanswered) outcome).reason().code())
        .isEqualTo(ReasonCode.AGENT_UNREACHABLE);
  }

  @Test
  void the_agent_with_the_registered_certificate_is_asked() throws Exception {
    FetchOutcome outcome = fetch(false, "127.0.0.1", port(), Optional.of(pem(own)));
    assertThat(outcome).isInstanceOf(FetchOutcome.Answered.class);
    assertThat(fetch(false, "localhost", port(), Optional.of(pem(own))))
        .isInstanceOf(FetchOutcome.Answered.class);
  }

  @Test
  void another_certificate_is_another_server() throws Exception {
    assertUnanswered(fetch(false, "127.0.0.1", port(), Optional.of(pem(other))));
  }

  @Test
  void without_a_usable_certificate_nobody_is_asked() throws Exception {
    assertUnanswered(fetch(true, "127.0.0.1", port(), Optional.empty()));
    assertUnanswered(fetch(true, "127.0.0.1", port(), Optional.of("nonsense")));
  }

  @Test
  void an_agent_in_clear_is_asked_only_when_the_operator_allows_it() throws Exception {
    try (FakeAgent clear = new FakeAgent()) {
      assertUnanswered(fetch(false, "127.0.0.1", clear.port(), Optional.of("disabled")));
      assertThat(clear.requests).isEmpty();
      assertThat(fetch(true, "127.0.0.1", clear.port(), Optional.of("disabled")))
          .isInstanceOf(FetchOutcome.Answered.class);
    }
  }

  @Test
  void a_handshake_that_hangs_ends_at_the_deadline() throws Exception {
    try (ServerSocket hanging = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      FetchOutcome outcome =
          fetch(
              false,
              "127.0.0.1",
              hanging.getLocalPort(),
              Optional.of(pem(own)),
              Duration.ofMillis(500));
      assertUnanswered(outcome);
      assertThat(((FetchOutcome.Unanswered) outcome).reason().detail()).contains("deadline");
    }
  }

  @Test
  void nowhere_to_ask_is_no_answer() throws Exception {
    assertUnanswered(fetch(false, "", 0, Optional.of(pem(own))));
    assertUnanswered(fetch(false, "no-such-host.invalid", 9002, Optional.of(pem(own))));
  }
}
