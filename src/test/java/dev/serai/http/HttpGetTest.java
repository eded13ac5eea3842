package dev.serai.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HttpGetTest {
  private static final int LONG = 300_000;
  private static final int SHORT = 1_000;

  private final CountDownLatch sent = new CountDownLatch(1);
  private final CountDownLatch goOn = new CountDownLatch(1);
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private HttpServer server;
  private HttpGet http;

  @BeforeEach
  void start() throws IOException {
    http = new HttpGet("http-get-test", LONG);
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    server.setExecutor(threads);
    server.createContext("/short", exchange -> answer(exchange, SHORT));
    server.createContext("/long", exchange -> answer(exchange, LONG));
    server.createContext("/held", this::answerAllButTheEnd);
    server.start();
  }

  @AfterEach
  void stop() {
    goOn.countDown();
    http.close();
    server.stop(0);
    threads.shutdownNow();
  }

  private static void answer(HttpExchange exchange, int length) throws IOException {
    exchange.sendResponseHeaders(200, length);
    exchange.getResponseBody().write(new byte[length]);
    exchange.close();
  }

  private void answerAllButTheEnd(HttpExchange exchange) throws IOException {
    exchange.sendResponseHeaders(200, LONG);
    exchange.getResponseBody().write(new byte[LONG - 1]);
    exchange.getResponseBody().flush();
    sent.countDown();
    try {
      goOn.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    exchange.getResponseBody().write(0);
    exchange.close();
  }

  private CompletableFuture<HttpGet.Response> get(String path) {
    return http.send(
        new HttpGet.Request(
            "127.0.0.1",
            server.getAddress().getPort(),
            Optional.empty(),
            path,
            Map.of(),
            Duration.ofMinutes(1),
            2 * LONG));
  }

  @Test
  void long_answers_share_a_budget_that_short_ones_do_not_need() throws Exception {
    CompletableFuture<HttpGet.Response> held = get("/held");
    assertThat(sent.await(60, TimeUnit.SECONDS)).isTrue();
    // As soon as enough of the first has come, a second long one finds no room.
    await()
        .untilAsserted(
            () ->
                assertThatThrownBy(() -> get("/long").get(60, TimeUnit.SECONDS))
                    .hasMessageContaining("too many long answers"));
    assertThat(get("/short").get(60, TimeUnit.SECONDS).body().size()).isEqualTo(SHORT);
    goOn.countDown();
    assertThat(held.get(60, TimeUnit.SECONDS).body().size()).isEqualTo(LONG);
    await()
        .ignoreExceptions()
        .until(() -> get("/long").get(60, TimeUnit.SECONDS).body().size() == LONG);
  }

  @Test
  void an_answer_over_its_own_limit_fails() {
    HttpGet.Request request =
        new HttpGet.Request(
            "127.0.0.1",
            server.getAddress().getPort(),
            Optional.empty(),
            "/short",
            Map.of(),
            Duration.ofMinutes(1),
            SHORT - 1);
    assertThatThrownBy(() -> http.send(request).get(60, TimeUnit.SECONDS))
        .hasRootCauseInstanceOf(io.netty.handler.codec.TooLongFrameException.class);
  }
}
