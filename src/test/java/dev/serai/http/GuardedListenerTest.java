package dev.serai.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.testing.SeraiHarness;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.Test;

class GuardedListenerTest {
  private static final int MOST = 16;

  @Test
  void one_address_that_holds_its_share_of_connections_does_not_keep_others_out() throws Exception {
    int port = SeraiHarness.freePort();
    List<Socket> held = new ArrayList<>();
    try (DefaultCamelContext camel = new DefaultCamelContext()) {
      camel.addComponent("netty-http", new GuardedHttpComponent());
      camel.getRegistry().bind("listener", GuardedListener.of(MOST, Duration.ofSeconds(30)));
      camel.addRoutes(
          new RouteBuilder() {
            @Override
            public void configure() {
              from("netty-http:http://127.0.0.1:" + port + "/?serverInitializerFactory=#listener")
                  .setBody(constant("here"));
            }
          });
      camel.start();
      for (int i = 0; i < GuardedListener.limitPerAddress(MOST); i++) {
        held.add(connect("127.0.0.1", port));
        assertThat(answers(held.get(i))).isTrue();
      }
      try (Socket tooMany = connect("127.0.0.1", port);
          Socket other = connect("127.0.0.2", port)) {
        assertThat(answers(tooMany)).isFalse();
        assertThat(answers(other)).isTrue();
      }
      held.get(0).close();
      await()
          .atMost(Duration.ofSeconds(60))
          .until(
              () -> {
                try (Socket next = connect("127.0.0.1", port)) {
                  return answers(next);
                }
              });
    } finally {
      for (Socket socket : held) {
        socket.close();
      }
    }
  }

  private static Socket connect(String from, int port) throws IOException {
    Socket socket = new Socket();
    socket.bind(new InetSocketAddress(InetAddress.getByName(from), 0));
    socket.connect(new InetSocketAddress("127.0.0.1", port), 5_000);
    socket.setSoTimeout(5_000);
    return socket;
  }

  private static boolean answers(Socket socket) {
    try {
      socket
          .getOutputStream()
          .write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      return socket.getInputStream().read() == 'H';
    } catch (IOException e) {
      return false; // reset: refused
    }
  }
}
