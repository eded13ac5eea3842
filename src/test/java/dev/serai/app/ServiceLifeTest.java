package dev.serai.app;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.cli.DemoCalls;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509BundlesRequest;
import dev.serai.service.NotifySocket;
import dev.serai.testing.SeraiChild;
import dev.serai.testing.SwTpm;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** A process of its own under a service manager: ready, alive, stopping, whatever hangs. */
@Tag("slow")
class ServiceLifeTest {
  private static final Duration PATIENCE = Duration.ofSeconds(120);

  @TempDir Path dir;

  @Test
  void the_service_manager_hears_of_start_life_and_stop_and_the_exit_code_is_0() throws Exception {
    try (NotifySocket manager = NotifySocket.bind(dir.resolve("notify").toString());
        SeraiChild serai =
            new SeraiChild(dir)
                .with("serai.roles", "issuer,registrar")
                .withEnvironment("NOTIFY_SOCKET", manager.name())
                .withEnvironment("WATCHDOG_USEC", "1000000")
                .start()) {
      await().atMost(PATIENCE).until(() -> manager.told().contains("WATCHDOG=1"));
      assertThat(manager.told())
          .first()
          .satisfies(
              ready ->
                  assertThat(ready)
                      .startsWith("READY=1\nSTATUS=ready: ")
                      .contains("issuer ISSUING", "registrar RUNNING"));
      reloads(serai, manager);
      answersThoughRequestsDoNotEnd(serai);
      assertThat(serai.stop()).isZero();
      assertThat(manager.told()).contains("STOPPING=1\nSTATUS=stopping");
    }
  }

  /** More of them than it has threads: the oldest are given up for the others and for who asks. */
  private static void answersThoughRequestsDoNotEnd(SeraiChild serai) throws Exception {
    List<Socket> halves = new ArrayList<>();
    try {
      for (int i = 0; i < 48; i++) {
        Socket half = new Socket("127.0.0.1", serai.port("serai.management.port"));
        halves.add(half);
        half.getOutputStream().write("GET /health HTTP/1.1\r\nHost: loc".getBytes(US_ASCII));
      }
      assertThat(serai.get("/health/ready")).isEqualTo(200);
      for (Socket half : halves.subList(0, 16)) {
        half.setSoTimeout((int) PATIENCE.toMillis());
        assertThat(isClosedWithoutAnAnswer(half)).isTrue();
      }
    } finally {
      for (Socket half : halves) {
        half.close();
      }
    }
  }

  private static boolean isClosedWithoutAnAnswer(Socket socket) throws IOException {
    try {
      return socket.getInputStream().read() < 0;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (SocketException e) {
      return true; // what it sent was not read
    }
  }

  private static void reloads(SeraiChild serai, NotifySocket manager) throws Exception {
    serai.with("serai.log.level", "WARN").writeConfig();
    serai.signal("HUP");
    await()
        .atMost(PATIENCE)
        .until(
            () -> manager.told().stream().filter(said -> said.startsWith("READY=1")).count() == 2);
    assertThat(manager.told())
        .anySatisfy(said -> assertThat(said).startsWith("RELOADING=1\nMONOTONIC_USEC="));

    int other = FreePorts.next();
    serai.with("serai.log.level", "INFO").with("serai.issuer.port", "" + other).writeConfig();
    Called good = reload(serai);
    assertThat(good.err()).isEmpty();
    assertThat(good.exit()).isZero();
    assertThat(good.out().lines())
        .containsExactly(
            "reloaded: serai.log.level: WARN -> INFO",
            "serai.issuer.port changed; takes effect at the next start");

    serai.with("serai.issuer.svid-ttl", "30d").writeConfig();
    Called bad = reload(serai);
    assertThat(bad.exit()).isEqualTo(1);
    assertThat(bad.err()).startsWith("serai: CONFIGURATION_INVALID: serai.issuer.svid-ttl is");
    assertThat(serai.get("/health/ready")).isEqualTo(200);
    serai.with("serai.issuer.svid-ttl", "1h").writeConfig();
  }

  private record Called(int exit, String out, String err) {}

  private static Called reload(SeraiChild serai) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    int exit =
        line.execute("reload", "--socket", serai.stateDir().resolve("run/control.sock").toString());
    return new Called(exit, out.toString(), err.toString());
  }

  /** The TPM hangs in a command, a stream is open, and peers stopped in the middle of a request. */
  @Test
  void a_stop_ends_in_time_whatever_hangs_and_streams_end_with_unavailable() throws Exception {
    try (SwTpm tpm = SwTpm.provisioned();
        SeraiChild serai =
            new SeraiChild(dir).withTpm(tpm).with("serai.verifier.interval", "1s").start()) {
      await().atMost(PATIENCE).until(() -> serai.get("/health/ready") == 200);
      createEntry(serai);
      ManagedChannel channel = SeraiChild.channel(serai.workloadSocket());
      try (Socket clear = halfRequest(serai, "serai.registrar.port");
          Socket tls = halfRequest(serai, "serai.issuer.port")) {
        assertThat(clear.isConnected() && tls.isConnected()).isTrue();
        CompletableFuture<Status.Code> end = openStream(channel);
        tpm.stop();
        // The verifier asks for a quote each second: that one hangs in the TPM.
        await()
            .atMost(PATIENCE)
            .until(() -> inflight(serai, "answer-quote") + inflight(serai, "agent-api") > 0);
        serai.signal("TERM");
        assertThat(end.get(PATIENCE.toSeconds(), TimeUnit.SECONDS))
            .isEqualTo(Status.Code.UNAVAILABLE);
        // Ten seconds by contract; the rest is for a machine that does much else.
        assertThat(serai.endsWithin(60_000)).isTrue();
        assertThat(serai.exitValue()).isZero();
      } finally {
        channel.shutdownNow();
        tpm.cont();
      }
    }
  }

  @Test
  void a_second_signal_ends_it_at_once() throws Exception {
    try (SwTpm tpm = SwTpm.provisioned();
        SeraiChild serai = new SeraiChild(dir).withTpm(tpm).start()) {
      tpm.stop();
      await().atMost(PATIENCE).until(() -> serai.get("/health/live") == 200);
      serai.signal("TERM"); // not INT: whoever runs the tests may have it ignored
      await().atMost(PATIENCE).until(() -> Files.readString(serai.log()).contains("SIGTERM"));
      serai.signal("TERM");
      assertThat(serai.endsWithin(60_000)).isTrue();
      assertThat(serai.exitValue()).isEqualTo(128 + 15);
      tpm.cont();
    }
  }

  private static int inflight(SeraiChild serai, String route) throws Exception {
    return new ObjectMapper()
        .readTree(serai.text("/health/routes/" + route))
        .path("exchanges")
        .path("inflight")
        .asInt();
  }

  private static Socket halfRequest(SeraiChild serai, String port) throws IOException {
    Socket socket = new Socket("127.0.0.1", serai.port(port));
    socket
        .getOutputStream()
        .write(
            "POST /v2.2/agents/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
                .getBytes(US_ASCII));
    socket.getOutputStream().flush();
    return socket;
  }

  /** For this user, so that the Workload API answers. */
  private static void createEntry(SeraiChild serai) throws Exception {
    JsonNode roles = new ObjectMapper().readTree(serai.text("/health")).path("roles");
    String parent = "";
    for (JsonNode role : roles) {
      if (role.path("role").asText().equals("agent")) {
        parent = role.path("facts").path("spiffeId").asText();
      }
    }
    new DemoCalls(serai.adminSocket())
        .createEntry(
            "spiffe://child.test/me",
            parent,
            "unix:uid:" + Files.getAttribute(serai.stateDir(), "unix:uid"));
  }

  /** Open until the server ends it: its code. */
  private static CompletableFuture<Status.Code> openStream(ManagedChannel channel)
      throws Exception {
    Metadata header = new Metadata();
    header.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    var stub =
        SpiffeWorkloadAPIGrpc.newBlockingStub(channel)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header));
    // Until the agent has heard of the entry, it has nothing for this user.
    await()
        .atMost(PATIENCE)
        .ignoreExceptionsInstanceOf(StatusRuntimeException.class)
        .until(
            () ->
                stub.withDeadlineAfter(60, TimeUnit.SECONDS)
                    .fetchX509Bundles(X509BundlesRequest.getDefaultInstance())
                    .hasNext());
    var answers = stub.fetchX509Bundles(X509BundlesRequest.getDefaultInstance());
    CompletableFuture<Boolean> first = new CompletableFuture<>();
    CompletableFuture<Status.Code> end = new CompletableFuture<>();
    Thread reader =
        new Thread(
            () -> {
              try {
                while (answers.hasNext()) {
                  answers.next();
                  first.complete(true);
                }
                end.complete(Status.Code.OK);
              } catch (StatusRuntimeException e) {
                first.completeExceptionally(e);
                end.complete(e.getStatus().getCode());
              }
            },
            "stream-reader");
    reader.setDaemon(true);
    reader.start();
    first.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    return end;
  }
}
