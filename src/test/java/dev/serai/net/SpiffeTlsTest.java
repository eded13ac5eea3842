package dev.serai.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.ValidateJWTSVIDRequest;
import dev.serai.proto.workload.ValidateJWTSVIDResponse;
import dev.serai.rpc.RpcCall;
import dev.serai.rpc.RpcComponent;
import dev.serai.rpc.RpcPeer;
import dev.serai.rpc.RpcServer;
import dev.serai.signing.FastCurves;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.X509SvidProfile;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.TestAuthority;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.math.BigInteger;
import java.security.KeyPair;
import java.security.cert.CertificateException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelExecutionException;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class SpiffeTlsTest {
  private static final SpiffeId SERVER = SpiffeId.parse("spiffe://a.example/spire/server");

  private final TestAuthority authority = new TestAuthority("a.example");
  private final MaterialHolder server = new MaterialHolder();
  private final MaterialHolder client = new MaterialHolder();
  private final CamelContext camel = new DefaultCamelContext();
  private final List<ManagedChannel> channels = new ArrayList<>();

  @BeforeAll
  static void as_a_process_does() {
    FastCurves.install();
  }

  @AfterEach
  void stop() throws Exception {
    channels.forEach(ManagedChannel::shutdownNow);
    camel.close();
  }

  /** Answers with "id of the client, serial number of the client". */
  private int grpcServer() throws Exception {
    server.set(authority.material("/spire/server"));
    RpcServer rpc =
        RpcServer.builder("issuer")
            .service(SpiffeWorkloadAPIGrpc.getServiceDescriptor())
            .tls(
                "127.0.0.1",
                0,
                TlsContexts.server(server, id -> id.isMemberOf(SERVER.trustDomain())))
            .build();
    camel.getRegistry().bind("rpcServer-issuer", rpc);
    RpcComponent.addTo(camel);
    camel.addRoutes(
        new RouteBuilder() {
          @Override
          public void configure() {
            from("rpc:issuer/SpiffeWorkloadAPI/ValidateJWTSVID")
                .process(
                    exchange -> {
                      RpcCall call = exchange.getVariable(RpcCall.VARIABLE, RpcCall.class);
                      RpcPeer.TlsPeer peer = (RpcPeer.TlsPeer) call.peer();
                      exchange
                          .getMessage()
                          .setBody(
                              ValidateJWTSVIDResponse.newBuilder()
                                  .setSpiffeId(
                                      peer.leaf().map(SpiffeTlsTest::describe).orElse("nobody"))
                                  .build());
                    });
          }
        });
    camel.start();
    return rpc.tlsPort();
  }

  private static String describe(X509Certificate leaf) {
    return X509SvidProfile.idOf(leaf).orElseThrow() + " " + leaf.getSerialNumber();
  }

  private ManagedChannel opened(ManagedChannel channel) {
    channels.add(channel);
    return channel;
  }

  private static String ask(ManagedChannel channel) {
    return SpiffeWorkloadAPIGrpc.newBlockingStub(channel)
        .withDeadlineAfter(60, TimeUnit.SECONDS)
        .validateJWTSVID(ValidateJWTSVIDRequest.getDefaultInstance())
        .getSpiffeId();
  }

  private static void assertRefused(ManagedChannel channel) {
    StatusRuntimeException failure =
        catchThrowableOfType(StatusRuntimeException.class, () -> ask(channel));
    assertThat(failure).isNotNull();
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
  }

  @Test
  void each_side_knows_the_other_by_its_spiffe_id() throws Exception {
    int port = grpcServer();
    X509Material me = authority.material("/node");
    client.set(me);

    assertThat(ask(opened(SpiffeChannels.tls("127.0.0.1", port, client, SERVER))))
        .isEqualTo(describe(me.leaf()));
    assertThat(ask(opened(SpiffeChannels.bundleOnly("127.0.0.1", port, authority::bundle, SERVER))))
        .isEqualTo("nobody");
  }

  @Test
  void a_client_speaks_to_no_other_server_than_the_expected_one() throws Exception {
    int port = grpcServer();
    client.set(authority.material("/node"));
    SpiffeId other = SpiffeId.parse("spiffe://a.example/another");
    TestAuthority foreign = new TestAuthority("a.example");

    assertRefused(opened(SpiffeChannels.tls("127.0.0.1", port, client, other)));
    assertRefused(opened(SpiffeChannels.bundleOnly("127.0.0.1", port, foreign::bundle, SERVER)));
    assertRefused(opened(SpiffeChannels.bundleOnly("127.0.0.1", port, List::of, SERVER)));
  }

  @Test
  void a_client_without_an_identity_fails_until_it_has_one() throws Exception {
    int port = grpcServer();
    ManagedChannel channel = opened(SpiffeChannels.tls("127.0.0.1", port, client, SERVER));
    assertRefused(channel);

    client.set(authority.material("/node"));

    assertThat(ask(channel)).startsWith("spiffe://a.example/node");
  }

  @Test
  void a_server_without_an_identity_fails_until_it_has_one() throws Exception {
    int port = grpcServer();
    X509Material identity = server.current().orElseThrow();
    server.clear();
    ManagedChannel channel =
        opened(SpiffeChannels.bundleOnly("127.0.0.1", port, authority::bundle, SERVER));
    assertRefused(channel);

    server.set(identity);

    await().ignoreExceptions().untilAsserted(() -> assertThat(ask(channel)).isEqualTo("nobody"));
  }

  @Test
  void a_new_identity_of_the_client_is_shown_on_the_next_call() throws Exception {
    int port = grpcServer();
    client.set(authority.material("/node"));
    ManagedChannel channel = opened(SpiffeChannels.tls("127.0.0.1", port, client, SERVER));
    String before = ask(channel);

    X509Material rotated = authority.material("/node");
    client.set(rotated);

    assertThat(ask(channel)).isNotEqualTo(before).isEqualTo(describe(rotated.leaf()));
  }

  @Test
  void a_new_identity_of_the_server_is_shown_on_the_next_connection() throws Exception {
    int port = grpcServer();
    client.set(authority.material("/node"));
    assertThat(serverSerial(port))
        .isEqualTo(server.current().orElseThrow().leaf().getSerialNumber());

    X509Material rotated = authority.material("/spire/server");
    server.set(rotated);

    assertThat(serverSerial(port)).isEqualTo(rotated.leaf().getSerialNumber());
  }

  @Test
  void a_client_of_an_authority_that_was_taken_out_is_refused_although_it_holds_a_session()
      throws Exception {
    int port = grpcServer();
    client.set(authority.material("/node"));
    SSLContext remembering = TlsContexts.client(client, SERVER::equals).get();
    handshake(remembering, port);
    handshake(remembering, port);

    TestAuthority successor = new TestAuthority("a.example");
    server.set(authority.material("/spire/server", successor.bundle()));

    // The client still trusts the server; only the server has dropped the client's authority.
    assertThat(catchThrowable(() -> handshake(remembering, port))).isInstanceOf(Exception.class);
    assertRefused(opened(SpiffeChannels.tls("127.0.0.1", port, client, SERVER)));
    client.set(successor.material("/node", authority.bundle()));
    assertThat(ask(opened(SpiffeChannels.tls("127.0.0.1", port, client, SERVER))))
        .startsWith("spiffe://a.example/node");
  }

  /** Reads after the handshake: in TLS 1.3 only that shows whether the server accepted us. */
  private static BigInteger handshake(SSLContext context, int port) throws Exception {
    try (SSLSocket socket =
        (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", port)) {
      var parameters = socket.getSSLParameters();
      parameters.setApplicationProtocols(new String[] {"h2"});
      socket.setSSLParameters(parameters);
      socket.setSoTimeout(60_000);
      socket.startHandshake();
      assertThat(socket.getApplicationProtocol()).isEqualTo("h2");
      // The HTTP/2 preface and an empty SETTINGS frame; the server answers with its SETTINGS.
      socket.getOutputStream().write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes("US-ASCII"));
      socket.getOutputStream().write(new byte[] {0, 0, 0, 4, 0, 0, 0, 0, 0});
      socket.getOutputStream().flush();
      if (socket.getInputStream().read() < 0) {
        throw new java.io.EOFException("closed by the server");
      }
      return ((X509Certificate) socket.getSession().getPeerCertificates()[0]).getSerialNumber();
    }
  }

  private BigInteger serverSerial(int port) throws Exception {
    return handshake(TlsContexts.client(client, SERVER::equals).get(), port);
  }

  @Test
  void no_session_is_resumed() throws Exception {
    int port = grpcServer();
    client.set(authority.material("/node"));
    SSLContext remembering = TlsContexts.client(client, SERVER::equals).get();
    handshake(remembering, port);
    int before = handshakesSeen;

    handshake(countingTrust(), port);
    handshake(countingContext, port);

    assertThat(handshakesSeen).isEqualTo(before + 2);
  }

  private int handshakesSeen;
  private SSLContext countingContext;

  /** One context for several connections, which asks about the server in each full handshake. */
  private SSLContext countingTrust() {
    countingContext =
        TlsContexts.of(
            new SpiffeKeyManager(client.current().orElseThrow()),
            new SpiffeTrustManager(
                domain -> authority.bundle(),
                id -> {
                  handshakesSeen++;
                  return true;
                }));
    return countingContext;
  }

  @Test
  void a_client_of_a_foreign_trust_domain_is_refused() throws Exception {
    int port = grpcServer();
    TestAuthority foreign = new TestAuthority("b.example");
    client.set(foreign.material("/node"));
    Supplier<SSLContext> contexts =
        () ->
            TlsContexts.of(
                new SpiffeKeyManager(client.current().orElseThrow()),
                SpiffeTrustManager.ofDomain(
                    SERVER.trustDomain(), authority.bundle(), SERVER::equals));

    assertThat(catchThrowable(() -> handshake(contexts.get(), port))).isNotNull();
  }

  /** Otherwise it is one more handshake that failed. */
  @Test
  void n49_a_server_whose_clock_is_ahead_is_refused_with_both_times() throws Exception {
    int port = grpcServer();
    client.set(authority.material("/node"));
    server.set(authority.ahead("/spire/server", Duration.ofMinutes(10)));
    StatusRuntimeException failure =
        catchThrowableOfType(
            StatusRuntimeException.class,
            () -> ask(opened(SpiffeChannels.tls("127.0.0.1", port, client, SERVER))));
    assertThat(failure)
        .hasRootCauseInstanceOf(CertificateNotYetValidException.class)
        .rootCause()
        .hasMessageContaining("not valid before")
        .hasMessageEndingWith("the clocks differ");
  }

  @Test
  void tls_1_1_is_refused() throws Exception {
    int port = grpcServer();
    client.set(authority.material("/node"));
    try (SSLSocket socket =
        (SSLSocket)
            TlsContexts.client(client, SERVER::equals)
                .get()
                .getSocketFactory()
                .createSocket("127.0.0.1", port)) {
      socket.setEnabledProtocols(new String[] {"TLSv1.1"});
      assertThatThrownBy(socket::startHandshake).isInstanceOf(java.io.IOException.class);
    }
  }

  private String judge(X509Certificate... chain) {
    return judge(authority.bundle(), chain);
  }

  private String judge(List<X509Certificate> bundle, X509Certificate... chain) {
    try {
      return SpiffeTrustManager.ofDomain(SERVER.trustDomain(), bundle, id -> true)
          .verify(List.of(chain))
          .toString();
    } catch (CertificateException e) {
      return e.getMessage();
    }
  }

  @Test
  void the_trust_manager_keeps_the_rules_of_x509_svids() {
    KeyPair key = TestAuthority.keyPair();
    String id = "spiffe://a.example/node";
    assertThat(judge(authority.leaf(key, List.of(id), false))).isEqualTo(id);
    assertThat(judge(authority.leaf(key, List.of(id), false), authority.certificate()))
        .isEqualTo(id);

    assertThat(judge(authority.leaf(key, List.of(id, id + "/2"), false)))
        .contains("not exactly one URI name");
    assertThat(judge(authority.leaf(key, List.of(), false))).contains("not exactly one URI name");
    assertThat(judge(authority.leaf(key, List.of("https://a.example/node"), false)))
        .contains("not exactly one URI name");
    assertThat(judge(authority.leaf(key, List.of(id), true)))
        .contains("a leaf is not an authority");
    assertThat(judge(authority.leaf(key, List.of("spiffe://a.example"), false)))
        .contains("has a path");
    assertThat(judge(authority.leaf(key, List.of("spiffe://b.example/node"), false)))
        .contains("no authorities for trust domain b.example");
    assertThat(judge(authority.leaf(key, List.of(id), false, Duration.ofSeconds(-10))))
        .contains("expired at");
    assertThat(judge(new TestAuthority("a.example").leaf(key, List.of(id), false)))
        .contains("does not lead to the bundle");
    X509Certificate leaf = authority.leaf(key, List.of(id), false);
    assertThat(judge(leaf, leaf, leaf, leaf, leaf, leaf, leaf, leaf, leaf)).contains("more than 8");
    assertThat(judge()).contains("no certificate");
  }

  @Test
  void the_authority_of_one_trust_domain_cannot_vouch_for_another() {
    TestAuthority other = new TestAuthority("b.example");
    X509Certificate claimed =
        other.leaf(TestAuthority.keyPair(), List.of("spiffe://a.example/node"), false);
    SpiffeTrustManager both =
        new SpiffeTrustManager(
            domain -> domain.name().equals("a.example") ? authority.bundle() : other.bundle(),
            id -> true);

    assertThatThrownBy(() -> both.verify(List.of(claimed)))
        .isInstanceOf(CertificateException.class)
        .hasMessageContaining("does not lead to the bundle");
  }

  @Test
  void netty_http_routes_follow_rotation_and_name_the_peer() throws Exception {
    int port = SeraiHarness.freePort();
    server.set(authority.material("/spire/server"));
    client.set(authority.material("/serai/verifier"));
    camel
        .getRegistry()
        .bind("serverTls", SwappableTls.server(server, id -> id.path().startsWith("/serai/")));
    camel.getRegistry().bind("clientTls", SwappableTls.client(client, SERVER::equals));
    camel
        .getRegistry()
        .bind(
            "wrongTls",
            SwappableTls.client(client, SpiffeId.parse("spiffe://a.example/x")::equals));
    camel.addRoutes(
        new RouteBuilder() {
          @Override
          public void configure() {
            from("netty-http:https://127.0.0.1:%d/who?ssl=true&needClientAuth=true".formatted(port)
                    + "&sslContextParameters=#serverTls")
                .process(
                    e -> {
                      String who = PeerIdentity.of(e).map(SpiffeId::toString).orElse("nobody");
                      String serial =
                          PeerIdentity.certificate(e).orElseThrow().getSerialNumber().toString();
                      e.getMessage().setBody(who + " " + serial);
                    });
            for (String name : List.of("client", "wrong")) {
              from("direct:" + name)
                  .errorHandler(noErrorHandler())
                  .to(
                      "netty-http:https://127.0.0.1:%d/who?ssl=true&keepAlive=false&producerPoolMinIdle=0"
                              .formatted(port)
                          + "&sslContextParameters=#"
                          + name
                          + "Tls")
                  .convertBodyTo(String.class);
            }
          }
        });
    camel.start();
    assertThat(call("client")).isEqualTo(describe(client.current().orElseThrow().leaf()));

    client.set(authority.material("/serai/verifier"));
    assertThat(call("client")).isEqualTo(describe(client.current().orElseThrow().leaf()));

    assertThatThrownBy(() -> call("wrong")).isInstanceOf(CamelExecutionException.class);
    client.set(authority.material("/node"));
    assertThatThrownBy(() -> call("client")).isInstanceOf(CamelExecutionException.class);

    client.set(authority.material("/serai/verifier"));
    server.set(authority.material("/spire/server", new TestAuthority("a.example").bundle()));
    assertThatThrownBy(() -> call("client")).isInstanceOf(CamelExecutionException.class);
  }

  private String call(String route) {
    return camel.createProducerTemplate().requestBody("direct:" + route, "", String.class);
  }

  @Test
  void a_pinned_certificate_is_the_only_one_accepted() throws Exception {
    int port = SeraiHarness.freePort();
    server.set(authority.material("/keylime/agent"));
    X509Certificate pinned = server.current().orElseThrow().leaf();
    client.set(authority.material("/serai/verifier"));
    camel.getRegistry().bind("serverTls", SwappableTls.server(server, id -> true));
    camel.getRegistry().bind("clientTls", PinnedCertificateTls.client(pinned, Optional.of(client)));
    camel.getRegistry().bind("bareTls", PinnedCertificateTls.client(pinned, Optional.empty()));
    camel.addRoutes(
        new RouteBuilder() {
          @Override
          public void configure() {
            from("netty-http:https://127.0.0.1:%d/who?ssl=true&needClientAuth=true".formatted(port)
                    + "&sslContextParameters=#serverTls")
                .process(e -> e.getMessage().setBody(PeerIdentity.of(e).orElseThrow().toString()));
            for (String name : List.of("client", "bare")) {
              from("direct:" + name)
                  .errorHandler(noErrorHandler())
                  .to(
                      "netty-http:https://127.0.0.1:%d/who?ssl=true&keepAlive=false&producerPoolMinIdle=0"
                              .formatted(port)
                          + "&sslContextParameters=#"
                          + name
                          + "Tls")
                  .convertBodyTo(String.class);
            }
          }
        });
    camel.start();
    assertThat(call("client")).isEqualTo("spiffe://a.example/serai/verifier");
    assertThatThrownBy(() -> call("bare")).isInstanceOf(CamelExecutionException.class);

    server.set(authority.material("/keylime/agent"));
    assertThatThrownBy(() -> call("client")).isInstanceOf(CamelExecutionException.class);
  }

  @Test
  void material_names_its_owner_and_never_its_key() {
    assertThat(authority.material("/node").toString())
        .startsWith("X509Material[spiffe://a.example/node, serial");
  }
}
