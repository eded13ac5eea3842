package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.reason.Refused;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.role.TraceId;
import dev.serai.store.DatabaseException;
import dev.serai.testing.SeraiHarness;
import dev.serai.tpm.TpmException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.CertificateNotYetValidException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import org.apache.camel.CamelExchangeException;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The shipped error handling around routes of this test. */
class RefusalTest {
  @TempDir static Path routes;
  private static final AtomicInteger WALKED_ON = new AtomicInteger();
  private static final AtomicReference<RuntimeException> FAILURE = new AtomicReference<>();
  private static SeraiHarness serai;
  private static int port;

  @BeforeAll
  static void start() throws Exception {
    port = SeraiHarness.freePort();
    Files.writeString(
        routes.resolve("trial.camel.yaml"),
        """
        - route:
            id: caller
            from:
              uri: direct:caller
              steps:
                - to: {id: to-middle, uri: "direct:middle"}
                - process: {id: walk-on, ref: walkOn}
        - route:
            id: middle
            from:
              uri: direct:middle
              steps:
                - choice:
                    id: always
                    when:
                      - simple: "${body} != null"
                        steps:
                          - to: {id: to-callee, uri: "direct:callee"}
                          - process: {id: walk-on-in-choice, ref: walkOn}
                - process: {id: walk-on-after-choice, ref: walkOn}
        - route:
            id: callee
            from:
              uri: direct:callee
              steps:
                - process: {id: fail, ref: fail}
                - process: {id: walk-on-below, ref: walkOn}
        - route:
            id: web
            from:
              uri: netty-http:http://127.0.0.1:%d/web
              steps:
                - to: {id: web-to-caller, uri: "direct:caller"}
        """
            .formatted(port));
    serai = SeraiHarness.roles().withRole(new TrialRole()).withRoutes(routes).start();
  }

  @AfterAll
  static void stop() {
    serai.close();
  }

  private static final class TrialRole implements Role {
    @Override
    public String name() {
      return "trial";
    }

    @Override
    public void bind(RoleContext context) {
      context.bind(
          "fail",
          (Processor)
              exchange -> {
                throw FAILURE.get();
              });
      context.bind("walkOn", (Processor) exchange -> WALKED_ON.incrementAndGet());
    }
  }

  private static Exchange send(RuntimeException failure) {
    FAILURE.set(failure);
    return serai
        .template()
        .request("direct:caller", exchange -> exchange.getMessage().setBody("x"));
  }

  private static Refused refused(RuntimeException failure) {
    return send(failure).getMessage().getBody(Refused.class);
  }

  @Test
  void after_a_failure_in_a_sub_route_no_caller_walks_on() {
    int before = WALKED_ON.get();
    Exchange exchange = send(new RefusalException(ReasonCode.NODE_BANNED, "it is"));
    assertThat(WALKED_ON.get()).isEqualTo(before);
    assertThat(exchange.getException()).isNull();
    Refused refused = exchange.getMessage().getBody(Refused.class);
    assertThat(refused.reason().code()).isEqualTo(ReasonCode.NODE_BANNED);
    assertThat(refused.traceId()).matches("[0-9a-f]{32}");
  }

  @Test
  void the_refusal_is_kept_under_the_route_that_failed() {
    refused(new RefusalException(ReasonCode.EK_NOT_TRUSTED, "no"));
    RefuseProcessor refuse = serai.bean("refuse", RefuseProcessor.class);
    assertThat(refuse.of("callee").orElseThrow().reason().code())
        .isEqualTo(ReasonCode.EK_NOT_TRUSTED);
    assertThat(
            serai
                .context()
                .meters()
                .counter("serai.refusals", "route", "callee", "reason", "EK_NOT_TRUSTED")
                .count())
        .isPositive();
  }

  @Test
  void a_tpm_without_permission_is_named() {
    assertThat(
            refused(new TpmException(TpmException.Fault.NO_PERMISSION, 0, "group tss"))
                .reason()
                .code())
        .isEqualTo(ReasonCode.TPM_NO_PERMISSION);
  }

  @Test
  void a_database_failure_says_nothing_of_its_inside() {
    var reason = refused(new DatabaseException("table secret", null)).reason();
    assertThat(reason.code()).isEqualTo(ReasonCode.DATABASE_UNAVAILABLE);
    assertThat(reason.detail()).doesNotContain("secret");
  }

  @Test
  void an_unknown_failure_is_internal_and_says_nothing_of_its_inside() {
    var reason = refused(new IllegalArgumentException("password is xyzzy")).reason();
    assertThat(reason.code()).isEqualTo(ReasonCode.INTERNAL_ERROR);
    assertThat(reason.detail()).doesNotContain("xyzzy");
  }

  private static ReasonCode named(Throwable failure) {
    return Refusals.name(failure).reason().code();
  }

  @Test
  void only_a_peer_that_hangs_up_is_called_gone_and_one_with_a_wrong_certificate_is_not()
      throws Exception {
    Exchange exchange = new DefaultExchange(serai.camel());
    assertThat(named(new CamelExchangeException("of some step", exchange)))
        .isEqualTo(ReasonCode.INTERNAL_ERROR);
    assertThat(named(new SSLException("closed"))).isEqualTo(ReasonCode.PEER_UNAVAILABLE);
    SSLException wrong = new SSLHandshakeException("General OpenSslEngine problem");
    wrong.initCause(new CertificateException("another id"));
    assertThat(named(new CamelExchangeException("Cannot connect", exchange, wrong)))
        .isEqualTo(ReasonCode.PEER_NOT_TRUSTED);
    SSLException early = new SSLHandshakeException("not valid yet");
    early.initCause(new CertificateNotYetValidException("not valid before tomorrow"));
    assertThat(named(new CamelExchangeException("Cannot connect", exchange, early)))
        .isEqualTo(ReasonCode.CLOCKS_DIFFER);
    assertThat(named(new SSLHandshakeException("Received fatal alert: certificate_unknown")))
        .isEqualTo(ReasonCode.PEER_NOT_TRUSTED);
    assertThat(named(hangUp())).isEqualTo(ReasonCode.PEER_UNAVAILABLE);
  }

  /** As our client sees a peer that takes the request and closes. */
  private static Throwable hangUp() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Thread peer =
          new Thread(
              () -> {
                try (Socket socket = server.accept()) {
                  assertThat(socket.getInputStream().read()).isPositive();
                  socket.getInputStream().skipNBytes(socket.getInputStream().available());
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      peer.start();
      Throwable failure = call("http://127.0.0.1:" + server.getLocalPort() + "/x");
      peer.join(60_000);
      return failure;
    }
  }

  private static Throwable call(String uri) {
    return serai
        .template()
        .request("netty-http:" + uri, exchange -> exchange.getMessage().setBody("x"))
        .getException();
  }

  @Test
  void a_refusal_wrapped_in_another_exception_keeps_its_code() {
    assertThat(
            refused(
                    new IllegalStateException(
                        new RefusalException(ReasonCode.RATE_LIMITED, "slow down")))
                .reason()
                .code())
        .isEqualTo(ReasonCode.RATE_LIMITED);
  }

  @Test
  void the_web_gets_the_envelope_with_the_status_of_the_kind() throws Exception {
    FAILURE.set(new RefusalException(ReasonCode.NODE_UNKNOWN, "n1"));
    HttpResponse<String> answer =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/web"))
                    .header("X-Secret", "echo me")
                    .POST(HttpRequest.BodyPublishers.ofString("x"))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
    assertThat(answer.statusCode()).isEqualTo(404);
    assertThat(answer.body())
        .isEqualTo("{\"code\":404,\"status\":\"NODE_UNKNOWN: n1\",\"results\":{}}");
    assertThat(answer.headers().firstValue("content-type")).hasValue("application/json");
    assertThat(answer.headers().firstValue("x-secret")).isEmpty();
  }

  @Test
  void a_traceparent_is_taken_over() {
    FAILURE.set(new RefusalException(ReasonCode.NODE_UNKNOWN, "n1"));
    String id = TraceId.random();
    Exchange exchange =
        serai
            .template()
            .request(
                "direct:caller",
                e -> {
                  e.getMessage().setHeader(TraceId.HEADER, TraceId.traceparent(id));
                  e.getMessage().setBody("x");
                });
    assertThat(exchange.getMessage().getBody(Refused.class).traceId()).isEqualTo(id);
  }
}
