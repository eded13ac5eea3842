package dev.serai.testing.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.serai.testing.SeraiHarness;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the proxy does to a conversation with a server that says everything back. */
class FaultProxyTest {
  private static final Duration SOON = Duration.ofSeconds(60);
  private static final String SAID = "hello";

  @TempDir Path dir;
  private ServerSocket echo;
  private FaultProxy proxy;
  private int port;

  @BeforeEach
  void start() throws IOException {
    echo = new ServerSocket(SeraiHarness.freePort());
    Thread server =
        new Thread(
            () -> {
              while (!echo.isClosed()) {
                try {
                  Socket client = echo.accept();
                  Thread one =
                      new Thread(
                          () -> {
                            try (client) {
                              client.getInputStream().transferTo(client.getOutputStream());
                            } catch (IOException e) {
                              return;
                            }
                          });
                  one.setDaemon(true);
                  one.start();
                } catch (IOException e) {
                  return;
                }
              }
            });
    server.setDaemon(true);
    server.start();
    port = SeraiHarness.freePort();
    proxy =
        FaultProxy.between(
            new FaultProxy.End(Optional.empty(), new InetSocketAddress("127.0.0.1", port)),
            new FaultProxy.End(
                Optional.empty(), new InetSocketAddress("127.0.0.1", echo.getLocalPort())),
            1);
  }

  @AfterEach
  void stop() throws IOException {
    proxy.close();
    echo.close();
  }

  private SocketChannel connect() throws IOException {
    return SocketChannel.open(new InetSocketAddress("127.0.0.1", port));
  }

  private static void say(SocketChannel channel) throws IOException {
    channel.write(ByteBuffer.wrap(SAID.getBytes(StandardCharsets.US_ASCII)));
  }

  /** What comes back, as far as it comes before the connection ends. */
  private static byte[] hear(SocketChannel channel, int bytes) throws IOException {
    return channel.socket().getInputStream().readNBytes(bytes);
  }

  private String conversation() throws IOException {
    try (SocketChannel channel = connect()) {
      say(channel);
      return new String(hear(channel, SAID.length()), StandardCharsets.US_ASCII);
    }
  }

  @Test
  void bytes_pass_and_late_ones_too() throws IOException {
    assertThat(conversation()).isEqualTo(SAID);
    proxy.inject(FaultProxy.Fault.LATENCY);
    assertThat(conversation()).isEqualTo(SAID);
    assertThat(proxy.struck()).isPositive();
  }

  @Test
  void a_black_hole_swallows_nothing_and_lets_all_through_when_it_is_healed() throws Exception {
    try (SocketChannel channel = connect()) {
      say(channel);
      hear(channel, SAID.length());
      proxy.inject(FaultProxy.Fault.BLACK_HOLE);
      say(channel);
      await().atMost(SOON).until(() -> proxy.struck() > 0);
      channel.configureBlocking(false);
      assertThat(channel.read(ByteBuffer.allocate(10))).isZero();
      channel.configureBlocking(true);
      proxy.heal();
      assertThat(hear(channel, SAID.length())).hasSize(SAID.length());
    }
  }

  @Test
  void a_cut_ends_open_connections_and_new_ones() throws IOException {
    try (SocketChannel channel = connect()) {
      say(channel);
      hear(channel, SAID.length());
      proxy.inject(FaultProxy.Fault.CUT);
      assertThat(hear(channel, 1)).isEmpty();
    }
    assertThat(unanswered()).isTrue();
    proxy.heal();
    assertThat(conversation()).isEqualTo(SAID);
  }

  private boolean unanswered() {
    try {
      return conversation().isEmpty();
    } catch (IOException e) { // reset: as good
      return true;
    }
  }

  @Test
  void noise_and_429_come_in_place_of_the_answer() throws IOException {
    proxy.inject(FaultProxy.Fault.GARBAGE);
    assertThat(conversation()).isNotEqualTo(SAID);
    proxy.inject(FaultProxy.Fault.TOO_MANY_REQUESTS);
    try (SocketChannel channel = connect()) {
      say(channel);
      assertThat(new String(hear(channel, 12), StandardCharsets.US_ASCII))
          .isEqualTo("HTTP/1.1 429");
    }
  }

  @Test
  void a_half_closed_peer_says_one_thing_and_no_more() throws IOException {
    proxy.inject(FaultProxy.Fault.HALF_CLOSE);
    try (SocketChannel channel = connect()) {
      say(channel);
      assertThat(hear(channel, 100)).hasSize(SAID.length());
      say(channel); // it still listens
    }
  }

  @Test
  void a_slow_peer_gives_the_first_byte_and_the_rest_only_when_it_is_healed() throws IOException {
    proxy.inject(FaultProxy.Fault.ONE_BYTE_A_SECOND);
    try (SocketChannel channel = connect()) {
      say(channel);
      assertThat(hear(channel, 1)).hasSize(1);
      proxy.heal();
      assertThat(hear(channel, SAID.length() - 1)).hasSize(SAID.length() - 1);
    }
  }

  @Test
  void a_unix_socket_is_an_end_like_any_other() throws IOException {
    UnixDomainSocketAddress near = UnixDomainSocketAddress.of(dir.resolve("near"));
    try (FaultProxy other =
            FaultProxy.between(
                new FaultProxy.End(Optional.empty(), near),
                new FaultProxy.End(
                    Optional.empty(), new InetSocketAddress("127.0.0.1", echo.getLocalPort())),
                1);
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(near);
      say(channel);
      ByteBuffer answer = ByteBuffer.allocate(SAID.length());
      while (answer.hasRemaining() && channel.read(answer) >= 0) {}
      assertThat(new String(answer.array(), StandardCharsets.US_ASCII)).isEqualTo(SAID);
      other.inject(FaultProxy.Fault.CUT);
      assertThat(channel.read(ByteBuffer.allocate(1))).isEqualTo(-1);
    }
    assertThatThrownBy(() -> SocketChannel.open(near)).isInstanceOf(IOException.class);
  }
}
