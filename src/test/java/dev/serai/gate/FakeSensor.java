package dev.serai.gate;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import dev.serai.testing.GivenIdentities;
import dev.serai.testing.SeraiHarness;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;

/** A sensor service over mTLS that answers POST /verify with what a test wants, and keeps book. */
final class FakeSensor implements AutoCloseable {
  final List<String> asked = new CopyOnWriteArrayList<>();
  volatile int status = 200;

  /** Our code of a refusal; empty as the prototype's service answers. */
  volatile String reason = "";

  volatile String answer = "{\"verification_result\":true}";
  private final HttpsServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final int port = SeraiHarness.freePort();

  FakeSensor(GivenIdentities identities) throws IOException {
    SSLContext tls = identities.server("/serai/sensor", "/serai/gate");
    server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.setHttpsConfigurator(
        new HttpsConfigurator(tls) {
          @Override
          public void configure(HttpsParameters params) {
            SSLParameters wanted = getSSLContext().getDefaultSSLParameters();
            wanted.setNeedClientAuth(true);
            params.setSSLParameters(wanted);
          }
        });
    server.setExecutor(threads);
    server.createContext("/verify", this::verify);
    server.start();
  }

  int port() {
    return port;
  }

  private void verify(HttpExchange exchange) throws IOException {
    asked.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
    byte[] body = answer.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    if (!reason.isEmpty()) {
      exchange.getResponseHeaders().set("Serai-Reason", reason);
    }
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
