package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.testing.SeraiHarness;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README says of drills: a fault is a step in a route file of the operator's own. */
class DrillRouteTest {
  private static final String NAME = "registrar-version.camel.yaml";

  @TempDir Path dir;

  @Test
  void a_copy_of_a_route_with_a_planted_step_replaces_the_shipped_one() throws Exception {
    String shipped;
    try (var in = getClass().getResourceAsStream("/routes/registrar/" + NAME)) {
      shipped = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    String planted =
        shipped.replace(
            "      steps:\n",
            """
                  steps:
                    - delay:
                        id: drill-late
                        constant: 50
                    - throwException:
                        id: drill-fails
                        exceptionType: java.lang.IllegalStateException
                        message: a drill
            """);
    assertThat(planted).isNotEqualTo(shipped);
    Files.writeString(dir.resolve(NAME), planted);
    try (SeraiHarness registrar = SeraiHarness.roles("registrar").withRoutes(dir).start()) {
      HttpResponse<String> answer =
          HttpClient.newHttpClient()
              .send(
                  HttpRequest.newBuilder(
                          URI.create(
                              "http://127.0.0.1:"
                                  + registrar.port("serai.registrar.port")
                                  + "/version"))
                      .build(),
                  HttpResponse.BodyHandlers.ofString());
      assertThat(answer.statusCode()).isEqualTo(500);
      assertThat(answer.body()).contains("INTERNAL_ERROR");
    }
  }
}
