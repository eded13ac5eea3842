package dev.serai.management;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.role.RoleHealth;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Timer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.timer.TimerComponent;
import org.apache.camel.component.timer.TimerConsumer;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ProbesTest {
  private final DefaultCamelContext camel = new DefaultCamelContext();
  private final AtomicReference<RoleHealth.Standing> standing =
      new AtomicReference<>(RoleHealth.Standing.ready("GOOD"));
  private HealthReport health;
  private Probes probes;

  @BeforeEach
  void start() throws Exception {
    camel.getRegistry().bind("roleHealth-trial", (RoleHealth) standing::get);
    camel.addRoutes(
        new RouteBuilder() {
          @Override
          public void configure() {
            from("timer:beat?period=10").routeId("beat").stop();
          }
        });
    camel.start();
    health =
        new HealthReport(
            camel, List.of("trial"), id -> "common", id -> Optional.empty(), Clock.systemUTC());
    probes = new Probes(health);
  }

  @AfterEach
  void stop() throws Exception {
    health.close();
    camel.close();
  }

  private Probes.Answer ask(String path, String... exclude) {
    return probes
        .answer(path, exclude.length == 0 ? Map.of() : Map.of("exclude", exclude))
        .orElseThrow();
  }

  private void awayWith(ReasonCode code) {
    standing.set(RoleHealth.Standing.waiting("WAITING", new Reason(code, "no\ndevice")));
  }

  @Test
  void when_all_is_well_the_answer_is_ok() {
    for (String path :
        new String[] {"/livez", "/readyz", "/readyz/role-trial", "/livez/ping", "/livez/timers"}) {
      assertThat(ask(path)).as(path).isEqualTo(new Probes.Answer(200, "ok\n"));
    }
    assertThat(probes.answer("/readyz", Map.of("verbose", new String[] {""})).orElseThrow().text())
        .isEqualTo("[+]ping ok\n[+]started ok\n[+]role-trial ok\nreadyz check passed\n");
  }

  @Test
  void what_is_no_probe_is_left_to_others() {
    for (String path : new String[] {"/readyzz", "/livez/none", "/readyz/role-none", "/health"}) {
      assertThat(probes.answer(path, Map.of())).as(path).isEmpty();
    }
  }

  @Test
  void a_role_that_waits_is_not_ready_and_still_alive() {
    awayWith(ReasonCode.TPM_NO_DEVICE);
    Probes.Answer ready = ask("/readyz");
    assertThat(ready.status()).isEqualTo(503);
    assertThat(ready.text())
        .contains("[-]role-trial failed: TPM_NO_DEVICE: no device\n")
        .endsWith("readyz check failed\n");
    assertThat(ask("/readyz/role-trial").status()).isEqualTo(503);
    assertThat(ask("/livez").status()).isEqualTo(200);
  }

  @Test
  void what_is_excluded_does_not_count_and_what_does_not_exist_is_named() {
    awayWith(ReasonCode.PEER_UNAVAILABLE);
    assertThat(ask("/readyz", "role-trial")).isEqualTo(new Probes.Answer(200, "ok\n"));
    assertThat(ask("/readyz", "ping,role-none").text())
        .contains("[+]ping excluded: ok")
        .contains("warn: no such checks to exclude: role-none");
  }

  @Test
  void before_the_routes_are_started_nothing_is_ready() {
    camel.stop();
    assertThat(ask("/readyz").text()).contains("[-]started failed: STARTING");
    assertThat(ask("/livez").status()).isEqualTo(200);
  }

  @Test
  void threads_that_wait_for_each_other_end_the_life_of_a_process() throws Exception {
    Vitals vitals = new Vitals(camel, Duration.ZERO);
    Lock first = new ReentrantLock();
    Lock second = new ReentrantLock();
    CountDownLatch both = new CountDownLatch(2);
    Thread one = crossing("crossing-one", first, second, both);
    Thread two = crossing("crossing-two", second, first, both);
    try {
      await().until(() -> !vitals.alive());
      assertThat(vitals.check().get("deadlock").orElseThrow())
          .contains("crossing-one")
          .contains("crossing-two");
      assertThat(health.vitals().alive()).as("not before it has lasted").isTrue();
    } finally {
      one.interrupt();
      two.interrupt();
      one.join();
      two.join();
    }
    await().until(vitals::alive);
  }

  private static Thread crossing(String name, Lock mine, Lock other, CountDownLatch both) {
    Thread thread =
        new Thread(
            () -> {
              mine.lock();
              try {
                both.countDown();
                both.await();
                other.lockInterruptibly();
                other.unlock();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              } finally {
                mine.unlock();
              }
            },
            name);
    thread.start();
    return thread;
  }

  @Test
  void a_timer_whose_thread_died_ends_the_life_of_a_process() {
    Vitals vitals = new Vitals(camel, Duration.ZERO);
    assertThat(vitals.alive()).isTrue();
    TimerConsumer consumer = (TimerConsumer) camel.getRoute("beat").getConsumer();
    Timer timer = camel.getComponent("timer", TimerComponent.class).getTimer(consumer);
    timer.cancel(); // its thread ends, as after an Error
    await().until(() -> !vitals.alive());
    assertThat(vitals.check().get("timers").orElseThrow()).contains("timer://beat");
  }
}
