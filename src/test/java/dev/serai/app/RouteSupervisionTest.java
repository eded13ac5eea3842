package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.testing.SeraiHarness;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** A route that cannot start is shown with its reason and started by nobody's hand. */
class RouteSupervisionTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private final HttpClient http = HttpClient.newHttpClient();

  @Test
  void a_taken_port_is_shown_and_waited_for_while_the_rest_runs() throws Exception {
    SeraiHarness harness =
        SeraiHarness.roles("issuer", "registrar")
            .with("serai.routes.retry-first", "100ms")
            .with("serai.routes.retry-most", "300ms");
    int httpPort = SeraiHarness.freePort();
    int grpcPort = SeraiHarness.freePort();
    harness.with("serai.registrar.port", Integer.toString(httpPort));
    harness.with("serai.issuer.port", Integer.toString(grpcPort));
    InetAddress here = InetAddress.getLoopbackAddress();
    try (ServerSocket first = new ServerSocket(httpPort, 1, here);
        ServerSocket second = new ServerSocket(grpcPort, 1, here)) {
      try (SeraiHarness serai = harness.startAnyway()) {
        for (String route : new String[] {"registrar-http", "attest-agent"}) {
          await(route)
              .atMost(Duration.ofSeconds(60))
              .until(
                  () ->
                      get(serai, "/health/routes/" + route).path("restart").path("tries").asInt()
                          >= 3);
          JsonNode view = get(serai, "/health/routes/" + route);
          assertThat(view.path("started").asBoolean()).isFalse();
          assertThat(view.path("restart").path("cause").asText())
              .containsIgnoringCase("address already in use");
          assertThat(view.path("restart").path("since").asText()).isNotEmpty();
        }
        assertThat(get(serai, "/health/routes/registrar-https").path("started").asBoolean())
            .isTrue();
        JsonNode registrar = role(serai, "registrar");
        assertThat(registrar.path("ready").asBoolean()).isFalse();
        assertThat(registrar.path("reason").path("code").asText()).isEqualTo("ROUTE_STOPPED");
        assertThat(registrar.path("reason").path("detail").asText())
            .contains("registrar-http")
            .containsIgnoringCase("address already in use")
            .contains("next try");
        assertThat(text(serai, "/metrics"))
            .contains("serai_route_restarts_total{route=\"registrar-http\"}")
            .doesNotContain("serai_routes_failed 0.0");

        first.close();
        second.close();

        await("ready by itself")
            .atMost(Duration.ofSeconds(60))
            .until(() -> get(serai, "/health/ready").path("ready").asBoolean());
        assertThat(get(serai, "/health/routes/registrar-http").path("restart").isNull()).isTrue();
        assertThat(text(serai, "/metrics")).contains("serai_routes_failed 0.0");
        assertThat(
                http.send(
                        HttpRequest.newBuilder(
                                URI.create("http://127.0.0.1:" + httpPort + "/version"))
                            .build(),
                        HttpResponse.BodyHandlers.ofString())
                    .statusCode())
            .isEqualTo(200);
      }
    }
  }

  private JsonNode role(SeraiHarness serai, String name) throws Exception {
    for (JsonNode role : get(serai, "/health").path("roles")) {
      if (role.path("role").asText().equals(name)) {
        return role;
      }
    }
    throw new AssertionError("no role " + name);
  }

  private JsonNode get(SeraiHarness serai, String path) throws Exception {
    return JSON.readTree(text(serai, path));
  }

  private String text(SeraiHarness serai, String path) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + serai.port("serai.management.port") + path);
    return http.send(
            HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(60)).build(),
            HttpResponse.BodyHandlers.ofString())
        .body();
  }
}
