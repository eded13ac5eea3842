package dev.serai.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.jna.Library;
import com.sun.jna.Native;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServiceManagerTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  @TempDir Path dir;

  private static void tells(NotifySocket socket) {
    ServiceManager manager = ServiceManager.of(Map.of("NOTIFY_SOCKET", socket.name()));
    assertThat(manager.isThere()).isTrue();
    manager.ready("ready: issuer\nISSUING");
    manager.reloading();
    manager.stopping();
    assertThat(socket.told())
        .satisfiesExactly(
            ready -> assertThat(ready).isEqualTo("READY=1\nSTATUS=ready: issuer ISSUING"),
            reload -> assertThat(reload).matches("RELOADING=1\nMONOTONIC_USEC=[0-9]+"),
            stop -> assertThat(stop).isEqualTo("STOPPING=1\nSTATUS=stopping"));
  }

  @Test
  void a_socket_with_a_path_is_told() throws Exception {
    try (NotifySocket socket = NotifySocket.bind(dir.resolve("notify").toString())) {
      tells(socket);
    }
  }

  @Test
  void a_socket_with_an_abstract_name_is_told() throws Exception {
    try (NotifySocket socket = NotifySocket.bind("@serai-test-" + UUID.randomUUID())) {
      tells(socket);
    }
  }

  private interface Clocks extends Library {
    Clocks C = Native.load("c", Clocks.class);

    int clock_gettime(int clock, long[] secondsAndNanos);
  }

  private static long monotonicMicros() {
    long[] now = new long[2];
    assertThat(Clocks.C.clock_gettime(1, now)).isZero();
    return now[0] * 1_000_000 + now[1] / 1000;
  }

  @Test
  void a_reload_carries_the_kernels_monotonic_time() throws Exception {
    try (NotifySocket socket = NotifySocket.bind(dir.resolve("notify").toString())) {
      long before = monotonicMicros();
      ServiceManager.of(Map.of("NOTIFY_SOCKET", socket.name())).reloading();
      long micros = Long.parseLong(socket.told().get(0).replaceAll("(?s).*USEC=", ""));
      assertThat(micros).isBetween(before, monotonicMicros());
    }
  }

  @Test
  void without_a_manager_nothing_is_said_and_nothing_fails() {
    ServiceManager nobody = ServiceManager.of(Map.of());
    assertThat(nobody.isThere()).isFalse();
    nobody.ready("x");
    ServiceManager gone = ServiceManager.of(Map.of("NOTIFY_SOCKET", dir + "/none"));
    gone.ready("x");
    assertThat(ServiceManager.of(Map.of("NOTIFY_SOCKET", "relative")).isThere()).isFalse();
  }

  @Test
  void a_watchdog_meant_for_another_process_is_not_ours() {
    Map<String, String> ours = Map.of("NOTIFY_SOCKET", "@x", "WATCHDOG_USEC", "3000000");
    assertThat(ServiceManager.of(ours).watchdog()).contains(Duration.ofSeconds(3));
    assertThat(
            ServiceManager.of(
                    Map.of("NOTIFY_SOCKET", "@x", "WATCHDOG_USEC", "3000000", "WATCHDOG_PID", "1"))
                .watchdog())
        .isEmpty();
  }

  @Test
  void signs_of_life_stop_with_the_self_check_and_come_back_with_it() throws Exception {
    AtomicReference<Optional<String>> trouble = new AtomicReference<>(Optional.empty());
    try (NotifySocket socket = NotifySocket.bind(dir.resolve("notify").toString())) {
      ServiceManager manager =
          ServiceManager.of(Map.of("NOTIFY_SOCKET", socket.name(), "WATCHDOG_USEC", "100000"));
      SelfCheck check = new SelfCheck().ask(trouble::get);
      try (Pulse pulse = Pulse.start(manager, () -> "ready: all", check)) {
        await().atMost(PATIENCE).until(() -> socket.told().contains("WATCHDOG=1"));
        assertThat(socket.told()).first().isEqualTo("READY=1\nSTATUS=ready: all");
        trouble.set(Optional.of("a planted fault"));
        await()
            .atMost(PATIENCE)
            .until(() -> socket.told().contains("STATUS=self-check failed: a planted fault"));
        long signs = signs(socket);
        trouble.set(Optional.empty());
        await().atMost(PATIENCE).until(() -> signs(socket) > signs);
        await().atMost(PATIENCE).until(() -> socket.told().contains("STATUS=ready: all"));
      }
    }
  }

  private static long signs(NotifySocket socket) {
    return socket.told().stream().filter("WATCHDOG=1"::equals).count();
  }

  @Test
  void a_deadlock_is_found() throws Exception {
    assertThat(SelfCheck.noDeadlock().trouble()).isEmpty();
    ReentrantLock first = new ReentrantLock();
    ReentrantLock second = new ReentrantLock();
    CountDownLatch bothHold = new CountDownLatch(2);
    Thread one = locking("planted-deadlock-1", first, second, bothHold);
    Thread two = locking("planted-deadlock-2", second, first, bothHold);
    try {
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(SelfCheck.noDeadlock().trouble())
                      .hasValueSatisfying(
                          text ->
                              assertThat(text)
                                  .contains("planted-deadlock-1", "planted-deadlock-2")));
    } finally {
      one.interrupt();
      two.interrupt();
    }
    one.join(PATIENCE.toMillis());
    assertThat(SelfCheck.noDeadlock().trouble()).isEmpty();
  }

  private static Thread locking(
      String name, ReentrantLock mine, ReentrantLock other, CountDownLatch bothHold) {
    Thread thread =
        new Thread(
            () -> {
              mine.lock();
              try {
                bothHold.countDown();
                bothHold.await();
                other.lockInterruptibly();
                other.unlock();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              } finally {
                mine.unlock();
              }
            },
            name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  @Test
  void a_timer_without_its_thread_and_a_silent_page_are_found() {
    String here = Thread.currentThread().getName();
    assertThat(SelfCheck.timersLive(() -> Set.of(here)).trouble()).isEmpty();
    assertThat(SelfCheck.timersLive(() -> Set.of("timer://gone")).trouble())
        .hasValueSatisfying(text -> assertThat(text).contains("timer://gone"));
    assertThat(SelfCheck.answers(URI.create("http://127.0.0.1:1/health/live"), PATIENCE).trouble())
        .hasValueSatisfying(text -> assertThat(text).contains("does not answer"));
    assertThat(
            new SelfCheck()
                .ask(
                    () -> {
                      throw new IllegalStateException("planted");
                    })
                .trouble())
        .hasValueSatisfying(text -> assertThat(text).contains("planted"));
  }
}
