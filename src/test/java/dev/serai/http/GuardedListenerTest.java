package dev.serai.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.testing.SeraiHarness;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
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

  @Test
  void a_listener_that_hangs_says_so_at_once_and_leaves_the_others_alone() throws Exception {
    int hanging = SeraiHarness.freePort();
    int other = SeraiHarness.freePort();
    CountDownLatch entered = new CountDownLatch(GuardedListener.inFlightLimit(MOST));
    CountDownLatch release = new CountDownLatch(1);
    List<Socket> held = new ArrayList<>();
    try (DefaultCamelContext camel = new DefaultCamelContext()) {
      SimpleMeterRegistry meters = new SimpleMeterRegistry();
      camel.getRegistry().bind("meters", MeterRegistry.class, meters);
      camel.addComponent("netty-http", new GuardedHttpComponent());
      camel.getRegistry().bind("first", GuardedListener.of(MOST, Duration.ofMinutes(2)));
      camel.getRegistry().bind("second", GuardedListener.of(MOST, Duration.ofMinutes(2)));
      camel.addRoutes(
          new RouteBuilder() {
            @Override
            public void configure() {
              from("netty-http:http://127.0.0.1:" + hanging + "/?serverInitializerFactory=#first")
                  .routeId("hanging")
                  .process(
                      exchange -> {
                        entered.countDown();
                        release.await();
                      })
                  .setBody(constant("late"));
              from("netty-http:http://127.0.0.1:" + other + "/?serverInitializerFactory=#second")
                  .setBody(constant("here"));
            }
          });
      camel.start();
      for (int i = 0; i < GuardedListener.inFlightLimit(MOST); i++) {
        Socket socket =
            connect("127.0.0." + (1 + i / GuardedListener.limitPerAddress(MOST)), hanging);
        held.add(socket);
        ask(socket);
      }
      assertThat(entered.await(60, TimeUnit.SECONDS)).isTrue();
      try (Socket refused = connect("127.0.0.8", hanging);
          Socket elsewhere = connect("127.0.0.1", other)) {
        ask(refused);
        String answer = read(refused);
        assertThat(answer)
            .containsIgnoringCase("retry-after: 1")
            .containsIgnoringCase("serai-reason: OVERLOADED");
        ask(refused);
        assertThat(read(refused)).as("the same connection").contains("503");
        assertThat(answers(elsewhere)).isTrue();
      }
      assertThat(
              meters.counter("serai.refusals", "route", "hanging", "reason", "OVERLOADED").count())
          .isEqualTo(2);
      release.countDown();
      for (Socket socket : held) {
        socket.setSoTimeout(60_000);
        assertThat(read(socket)).contains("200 OK");
      }
    } finally {
      release.countDown();
      for (Socket socket : held) {
        socket.close();
      }
    }
  }

  private static void ask(Socket socket) throws IOException {
    socket
        .getOutputStream()
        .write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
  }

  private static String read(Socket socket) throws IOException {
    byte[] some = new byte[4096];
    int count = socket.getInputStream().read(some);
    return count < 0 ? "" : new String(some, 0, count, StandardCharsets.UTF_8);
  }

  private static Socket connect(String from, int port) throws IOException {
    Socket socket = new Socket();
    socket.bind(new InetSocketAddress(InetAddress.getByName(from), 0));
    socket.connect(new InetSocketAddress("127.0.0.1", port), 60_000);
    socket.setSoTimeout(60_000);
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
