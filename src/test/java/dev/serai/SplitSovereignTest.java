package dev.serai;

import static dev.serai.SplitSite.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.breaker.Breaker;
import dev.serai.location.GeoPoint;
import dev.serai.location.LocationReading;
import dev.serai.location.Region;
import dev.serai.location.SensorAnswer;
import dev.serai.location.SensorQuestion;
import dev.serai.proto.envoy.auth.v3.CheckResponse;
import dev.serai.reason.ReasonCode;
import dev.serai.testing.faults.FaultProxy;
import dev.serai.testing.operator.FakeOperator;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The sovereign path over mTLS hops: who answers, what is away or slow, what is restarted. */
@Tag("slow")
class SplitSovereignTest {
  @TempDir static Path dir;
  private static SplitSite site;

  @BeforeAll
  static void start() throws Exception {
    site = new SplitSite(dir);
    site.startAll();
  }

  @AfterAll
  static void end() {
    if (site != null) {
      site.close();
    }
  }

  /** Each leaves all roles there and well. */
  @AfterEach
  void allIsWell() throws Exception {
    site.toRegistrar.heal();
    site.toSensor.heal();
    site.operator.mood(FakeOperator.Mood.WELL);
    passes();
  }

  private static SensorQuestion question() {
    return new SensorQuestion(
        site.nodeId(),
        new LocationReading(
            LocationReading.MOBILE,
            "12d1:1433",
            Optional.of(SovereignSite.IMEI),
            Optional.of(SovereignSite.IMSI),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Instant.now(),
            "modem"),
        Optional.of(new Region.Circle("madrid", new GeoPoint(40.4, -3.7), 20_000)),
        Duration.ofMinutes(10),
        "a-nonce-of-this-question");
  }

  private static Optional<ReasonCode> locate() {
    return site.refused("verifier", "direct:call-sensor-locate", question());
  }

  private static Optional<ReasonCode> lookUp() {
    return site.refused("verifier", "direct:call-registrar-lookup", site.nodeId());
  }

  /** Attested anew, and a workload of this node gets through the gate. */
  private static void passes() {
    await()
        .atMost(SOON)
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              assertThat(site.refusedToAttest()).isEmpty();
              CheckResponse answer = site.gate(site.leaf());
              assertThat(answer.getStatus().getCode()).as(answer.toString()).isZero();
            });
    site.trusted();
  }

  @Test
  void the_sensor_role_is_asked_over_mtls_and_nobody_answers_in_its_place() throws Exception {
    Object answer =
        site.role("verifier").template().requestBody("direct:call-sensor-locate", question());
    assertThat(((SensorAnswer) answer).operator()).contains(SensorAnswer.Word.TRUE);

    site.stop("sensor");
    try {
      try (FaultProxy ignored = SplitSite.proxy(site.sensorPort, site.registrarPort)) {
        // The registrar's certificate is of the trust domain, and not the sensor service's.
        await()
            .atMost(SOON)
            .ignoreExceptions()
            .untilAsserted(() -> assertThat(locate()).contains(ReasonCode.PEER_NOT_TRUSTED));
        await()
            .atMost(SOON)
            .ignoreExceptions()
            .untilAsserted(
                () -> assertThat(site.refusedToAttest()).contains(ReasonCode.PEER_NOT_TRUSTED));
      }
      site.of("sensor").put("serai.sensor.callers", "/serai/gate");
      site.start("sensor");
      await()
          .atMost(SOON)
          .ignoreExceptions()
          .untilAsserted(() -> assertThat(locate()).contains(ReasonCode.PEER_NOT_TRUSTED));
    } finally {
      site.of("sensor").put("serai.sensor.callers", "/serai/verifier,/serai/gate");
      site.restart("sensor");
    }
  }

  /** Twice without an answer: the breaker is open, nobody is asked, and the code says who it is. */
  private static void opens(
      String provider, Supplier<Optional<ReasonCode>> question, ReasonCode code) {
    await()
        .atMost(SOON)
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              assertThat(question.get()).contains(code);
              assertThat(site.breaker("verifier", provider)).isNotEqualTo(Breaker.State.CLOSED);
            });
    await()
        .atMost(SOON)
        .ignoreExceptions()
        .untilAsserted(() -> assertThat(site.refusedToAttest()).contains(code));
    assertThat(site.breaker("issuer", "verifier")).isEqualTo(Breaker.State.CLOSED);
  }

  private static void closes(String provider, Supplier<Optional<ReasonCode>> question) {
    await()
        .atMost(SOON)
        .ignoreExceptions()
        .untilAsserted(() -> assertThat(question.get()).isEmpty());
    assertThat(site.breaker("verifier", provider)).isEqualTo(Breaker.State.CLOSED);
  }

  @Test
  void a11_a_registrar_or_sensor_service_that_is_cut_off_is_named_to_the_end_and_comes_back() {
    for (FaultProxy.Fault fault :
        List.of(FaultProxy.Fault.CUT, FaultProxy.Fault.TOO_MANY_REQUESTS)) {
      site.toRegistrar.inject(fault);
      opens("registrar", SplitSovereignTest::lookUp, ReasonCode.REGISTRAR_UNREACHABLE);
      site.toRegistrar.heal();
      closes("registrar", SplitSovereignTest::lookUp);
    }
    site.toSensor.inject(FaultProxy.Fault.CUT);
    opens("sensor", SplitSovereignTest::locate, ReasonCode.PEER_UNAVAILABLE);
    site.toSensor.heal();
    closes("sensor", SplitSovereignTest::locate);
  }

  /** It answers, so its breaker stays closed; who comes too often is told. */
  @Test
  void a11_a_sensor_service_that_says_429_is_there_and_waited_for() throws Exception {
    site.of("sensor").put("serai.sensor.limit", "1").put("serai.sensor.limit-burst", "1");
    site.restart("sensor");
    try {
      await()
          .atMost(SOON)
          .ignoreExceptions()
          .pollInterval(Duration.ofMillis(100))
          .untilAsserted(() -> assertThat(locate()).isEmpty());
      await()
          .atMost(SOON)
          .ignoreExceptions()
          .pollInterval(Duration.ofMillis(10))
          .untilAsserted(() -> assertThat(locate()).contains(ReasonCode.PEER_UNAVAILABLE));
      assertThat(site.breaker("verifier", "sensor")).isEqualTo(Breaker.State.CLOSED);
    } finally {
      site.of("sensor").put("serai.sensor.limit", "100").put("serai.sensor.limit-burst", "200");
      site.restart("sensor");
    }
  }

  /** All at once: each waits for as long as it waits. */
  @Test
  void a11_a_registrar_and_a_sensor_service_that_are_silent_are_given_up_and_come_back() {
    site.toRegistrar.inject(FaultProxy.Fault.BLACK_HOLE);
    site.toSensor.inject(FaultProxy.Fault.BLACK_HOLE);
    List<CompletableFuture<Optional<ReasonCode>>> sensor = new ArrayList<>();
    List<CompletableFuture<Optional<ReasonCode>>> registrar = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      sensor.add(CompletableFuture.supplyAsync(SplitSovereignTest::locate));
      registrar.add(CompletableFuture.supplyAsync(SplitSovereignTest::lookUp));
    }
    for (int i = 0; i < 2; i++) {
      assertThat(registrar.get(i).join()).contains(ReasonCode.REGISTRAR_UNREACHABLE);
      assertThat(sensor.get(i).join()).contains(ReasonCode.PEER_UNAVAILABLE);
    }
    assertThat(site.breaker("verifier", "registrar")).isNotEqualTo(Breaker.State.CLOSED);
    assertThat(site.breaker("verifier", "sensor")).isNotEqualTo(Breaker.State.CLOSED);
    site.toRegistrar.inject(FaultProxy.Fault.LATENCY);
    site.toSensor.inject(FaultProxy.Fault.LATENCY);
    // Slow is not away.
    closes("registrar", SplitSovereignTest::lookUp);
    closes("sensor", SplitSovereignTest::locate);
  }

  /** The operator's trouble is not the sensor service's: its breaker is, and its code goes on. */
  @Test
  void a11_an_operator_that_is_broken_silent_or_busy_is_named_through_all_hops() {
    for (FakeOperator.Mood mood :
        List.of(
            FakeOperator.Mood.BROKEN,
            FakeOperator.Mood.SILENT,
            FakeOperator.Mood.TOO_MANY_REQUESTS)) {
      site.operator.retryAfter("1");
      site.operator.mood(mood);
      ReasonCode code =
          mood == FakeOperator.Mood.TOO_MANY_REQUESTS
              ? ReasonCode.OPERATOR_BUSY
              : ReasonCode.OPERATOR_UNREACHABLE;
      for (int i = 0; i < 3; i++) {
        assertThat(locate()).as(mood.name()).contains(code);
      }
      assertThat(site.breaker("sensor", "operator") == Breaker.State.CLOSED)
          .as(mood.name())
          .isEqualTo(mood == FakeOperator.Mood.TOO_MANY_REQUESTS);
      assertThat(site.breaker("verifier", "sensor")).isEqualTo(Breaker.State.CLOSED);
      assertThat(site.refusedToAttest()).as(mood.name()).contains(code);
      site.operator.mood(FakeOperator.Mood.WELL);
      closes("sensor", SplitSovereignTest::locate);
      assertThat(site.breaker("sensor", "operator")).isEqualTo(Breaker.State.CLOSED);
    }
  }

  @Test
  void a13_each_role_may_be_restarted_and_all_of_them_in_any_order() throws Exception {
    List<String> order = new ArrayList<>(SplitSite.ROLES);
    Collections.shuffle(order, new Random(13));
    for (String role : order) {
      site.restart(role);
      passes();
    }
    order.forEach(site::stop);
    Collections.reverse(order);
    for (String role : order) {
      site.start(role);
    }
    passes();
    for (String role : List.of("registrar", "sensor", "verifier", "gate")) {
      await().atMost(SOON).until(() -> site.hasIdentity(role));
    }
  }
}
