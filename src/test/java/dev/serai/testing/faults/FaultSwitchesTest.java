package dev.serai.testing.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.testing.SeraiHarness;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The switches on a shipped route: the registrar's answer to GET /version. */
class FaultSwitchesTest {
  private static final Duration SOON = Duration.ofSeconds(60);
  private static final String STEP = "answer-registrar-versions";

  private final FaultSwitches faults = new FaultSwitches();
  private final HttpClient http = HttpClient.newHttpClient();
  private SeraiHarness registrar;

  @BeforeEach
  void start() {
    registrar = SeraiHarness.roles("registrar").withRole(faults.asRole()).start();
  }

  @AfterEach
  void stop() {
    faults.heal();
    registrar.close();
  }

  private CompletableFuture<HttpResponse<String>> ask() {
    return http.sendAsync(
        HttpRequest.newBuilder(
                URI.create(
                    "http://127.0.0.1:" + registrar.port("serai.registrar.port") + "/version"))
            .build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private static boolean isGood(HttpResponse<String> answer) {
    return answer.statusCode() == 200 && answer.body().contains("current_version");
  }

  @Test
  void a_step_that_throws_is_refused_as_often_as_was_said() {
    assertThat(isGood(ask().join())).isTrue();
    FaultSwitches.Switch step =
        faults.at(STEP).throwing(() -> new IllegalStateException("planted")).times(2);
    assertThat(ask().join().body()).contains("INTERNAL_ERROR").doesNotContain("planted");
    assertThat(ask().join().statusCode()).isEqualTo(500);
    assertThat(isGood(ask().join())).isTrue();
    assertThat(step.hits()).isEqualTo(3);
  }

  @Test
  void a_step_that_hangs_goes_on_when_it_is_healed() {
    FaultSwitches.Switch step = faults.at(STEP).hanging();
    CompletableFuture<HttpResponse<String>> answer = ask();
    await().atMost(SOON).until(() -> step.hits() == 1);
    assertThat(answer).isNotDone();
    faults.heal();
    assertThat(isGood(answer.join())).isTrue();
  }

  @Test
  void a_step_that_is_dropped_or_late_or_a_whole_route_is_switched_by_its_id() {
    faults.at(STEP).dropping();
    assertThat(isGood(ask().join())).isFalse();
    faults.heal();
    faults.at(STEP).delaying(Duration.ofMillis(50));
    assertThat(isGood(ask().join())).isTrue();
    faults.heal();
    faults.at("registrar-version").throwing(() -> new IllegalStateException("planted"));
    assertThat(ask().join().body()).contains("INTERNAL_ERROR");
  }
}
