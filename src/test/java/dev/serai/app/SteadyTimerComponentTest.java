package dev.serai.app;

import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SteadyTimerComponentTest {
  private static final Duration SOON = Duration.ofSeconds(60);

  private final DefaultCamelContext camel = new DefaultCamelContext();
  private final AtomicInteger ticks = new AtomicInteger();

  @BeforeEach
  void component() {
    camel.addComponent("timer", new SteadyTimerComponent());
  }

  @AfterEach
  void stop() {
    camel.stop();
  }

  private void start(String uri) throws Exception {
    camel.addRoutes(
        new RouteBuilder() {
          @Override
          public void configure() {
            errorHandler(noErrorHandler());
            from(uri)
                .routeId("ticking")
                .process(
                    exchange -> {
                      if (ticks.incrementAndGet() == 2) {
                        throw new IllegalStateException("planted");
                      }
                    });
          }
        });
    camel.start();
  }

  @Test
  void a_timer_ticks_on_after_a_failure_and_stops_with_its_route() throws Exception {
    start("timer:one?period=20&delay=0");
    await().atMost(SOON).until(() -> ticks.get() > 3);
    camel.getRouteController().stopRoute("ticking");
    int stopped = ticks.get();
    await().atMost(SOON).until(() -> threads("timer://one") == 0);
    camel.getRouteController().startRoute("ticking");
    await().atMost(SOON).until(() -> ticks.get() > stopped + 2);
    camel.stop();
    await().atMost(SOON).until(() -> threads("timer://one") == 0);
  }

  @Test
  void a_period_may_have_a_unit() throws Exception {
    start("timer:unit?period=30s&delay=0");
    await().atMost(SOON).until(() -> ticks.get() == 1);
  }

  @Test
  void a_timer_with_a_count_ends_after_it() throws Exception {
    start("timer:three?period=20&delay=0&fixedRate=true&repeatCount=3");
    await().atMost(SOON).until(() -> ticks.get() == 3);
    await().during(Duration.ofMillis(200)).atMost(SOON).until(() -> ticks.get() == 3);
  }

  /** java.util.Timer waits for a time of day, and stands still when the clock is set back. */
  @Test
  void no_timer_waits_for_the_wall_clock() throws Exception {
    start("timer:steady?period=20&delay=0");
    await().atMost(SOON).until(() -> ticks.get() > 0);
    await()
        .atMost(SOON)
        .until(
            () ->
                threads().anyMatch(t -> t.getName().contains("timer://steady"))
                    && threads()
                        .filter(t -> t.getName().contains("timer://steady"))
                        .noneMatch(t -> t.getClass().getName().equals("java.util.TimerThread")));
  }

  private static long threads(String name) {
    return threads().filter(thread -> thread.getName().contains(name)).count();
  }

  private static Stream<Thread> threads() {
    return Thread.getAllStackTraces().keySet().stream().filter(Thread::isAlive);
  }
}
