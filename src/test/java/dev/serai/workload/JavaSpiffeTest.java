package dev.serai.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import io.spiffe.provider.SpiffeSslContextFactory;
import io.spiffe.provider.SpiffeSslContextFactory.SslContextOptions;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.workloadapi.DefaultWorkloadApiClient;
import io.spiffe.workloadapi.DefaultX509Source;
import io.spiffe.workloadapi.Watcher;
import io.spiffe.workloadapi.WorkloadApiClient;
import io.spiffe.workloadapi.X509Context;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Workload API as java-spiffe, which nobody here wrote, sees it. */
class JavaSpiffeTest {
  @TempDir Path directory;
  private WorkloadApiFixture api;
  private String me;

  @BeforeEach
  void start() throws Exception {
    api = new WorkloadApiFixture(directory);
    me = "unix:uid:" + Files.getAttribute(Path.of("/proc/self"), "unix:uid");
  }

  @AfterEach
  void stop() throws Exception {
    api.close();
  }

  private WorkloadApiClient client() throws Exception {
    return DefaultWorkloadApiClient.newClient(
        DefaultWorkloadApiClient.ClientOptions.builder().spiffeSocketPath(api.address()).build());
  }

  private DefaultX509Source source(String path) throws Exception {
    return DefaultX509Source.newSource(
        DefaultX509Source.X509SourceOptions.builder()
            .spiffeSocketPath(api.address())
            .initTimeout(Duration.ofSeconds(30))
            .svidPicker(
                svids ->
                    svids.stream()
                        .filter(s -> s.getSpiffeId().getPath().equals(path))
                        .findFirst()
                        .orElseThrow())
            .build());
  }

  @Test
  void it_fetches_an_identity_and_its_bundle() throws Exception {
    WorkloadIdentity mine = api.identity("/mine", "", me);
    api.give(mine, api.identity("/second", "other", me));

    try (WorkloadApiClient client = client()) {
      X509Context context = client.fetchX509Context();
      assertThat(context.getDefaultSvid().getSpiffeId())
          .isEqualTo(SpiffeId.parse("spiffe://test.example/mine"));
      assertThat(context.getDefaultSvid().getLeaf()).isEqualTo(mine.leaf());
      assertThat(context.getX509Svids()).hasSize(2);
      assertThat(client.fetchX509Bundles().getBundles()).hasSize(1);
    }
  }

  @Test
  void its_watcher_follows_a_rotation() throws Exception {
    WorkloadIdentity first = api.identity("/mine", "", me);
    api.give(first);
    BlockingQueue<Object> seen = new LinkedBlockingQueue<>();
    try (WorkloadApiClient client = client()) {
      client.watchX509Context(
          new Watcher<>() {
            @Override
            public void onUpdate(X509Context update) {
              seen.add(update.getDefaultSvid().getLeaf());
            }

            @Override
            public void onError(Throwable failure) {
              seen.add(failure);
            }
          });
      assertThat(seen.poll(60, TimeUnit.SECONDS)).isEqualTo(first.leaf());

      WorkloadIdentity renewed = api.identity("/mine", "", me);
      api.give(renewed);

      assertThat(seen.poll(60, TimeUnit.SECONDS)).isEqualTo(renewed.leaf());
    }
  }

  @Test
  void its_watcher_survives_an_agent_that_is_not_ready() throws Exception {
    api.identities.waiting(new Reason(ReasonCode.TPM_UNAVAILABLE, "no answer"));
    CompletableFuture<DefaultX509Source> source =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return source("/mine");
              } catch (Exception e) {
                throw new IllegalStateException(e);
              }
            });
    await()
        .until(
            () ->
                api.meters.find("serai.rpc.calls").tag("code", "UNAVAILABLE").counters().stream()
                        .mapToDouble(c -> c.count())
                        .sum()
                    >= 1);
    api.give(api.identity("/mine", "", me));

    try (DefaultX509Source ready = source.get(60, TimeUnit.SECONDS)) {
      assertThat(ready.getX509Svid().getSpiffeId().getPath()).isEqualTo("/mine");
    }
  }

  @Test
  void two_workloads_speak_mutual_tls_with_their_identities() throws Exception {
    WorkloadIdentity serverIdentity = api.identity("/server", "server", me);
    WorkloadIdentity clientIdentity = api.identity("/client", "client", me);
    api.give(serverIdentity, clientIdentity);
    try (DefaultX509Source server = source("/server");
        DefaultX509Source client = source("/client")) {
      SSLContext serverContext = tls(server, "/client");

      assertThat(talk(serverContext, tls(client, "/server"))).isEqualTo(clientIdentity.leaf());

      assertThatThrownBy(() -> talk(serverContext, tls(client, "/another")))
          .isInstanceOf(IOException.class);

      WorkloadIdentity renewed = api.identity("/client", "client", me);
      api.give(serverIdentity, renewed);
      await().until(() -> client.getX509Svid().getLeaf().equals(renewed.leaf()));
      assertThat(talk(tls(server, "/client"), tls(client, "/server"))).isEqualTo(renewed.leaf());
    }
  }

  private static SSLContext tls(DefaultX509Source source, String peerPath) throws Exception {
    return SpiffeSslContextFactory.getSslContext(
        SslContextOptions.builder()
            .x509Source(source)
            .acceptedSpiffeIdsSupplier(
                () -> Set.of(SpiffeId.parse("spiffe://test.example" + peerPath)))
            .build());
  }

  /** The client certificate that the server saw. */
  private static X509Certificate talk(SSLContext server, SSLContext client) throws Exception {
    try (SSLServerSocket listener =
        (SSLServerSocket)
            server
                .getServerSocketFactory()
                .createServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      listener.setNeedClientAuth(true);
      CompletableFuture<X509Certificate> seen =
          CompletableFuture.supplyAsync(
              () -> {
                try (SSLSocket socket = (SSLSocket) listener.accept()) {
                  socket.startHandshake();
                  socket.getOutputStream().write('k');
                  return (X509Certificate) socket.getSession().getPeerCertificates()[0];
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                }
              });
      try (SSLSocket socket =
          (SSLSocket)
              client
                  .getSocketFactory()
                  .createSocket(InetAddress.getLoopbackAddress(), listener.getLocalPort())) {
        socket.setSoTimeout(60_000);
        assertThat(socket.getInputStream().read()).isEqualTo('k');
      }
      return seen.get(60, TimeUnit.SECONDS);
    }
  }
}
