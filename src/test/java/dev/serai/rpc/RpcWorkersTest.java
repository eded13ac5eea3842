package dev.serai.rpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RpcWorkersTest {
  private final CountDownLatch release = new CountDownLatch(1);
  private final AtomicInteger ran = new AtomicInteger();
  private final RpcWorkers workers = new RpcWorkers("test", 4, 8);

  @AfterEach
  void stop() {
    release.countDown();
    workers.shutdownNow();
  }

  private void hang() {
    try {
      release.await();
      ran.incrementAndGet();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void a_method_that_hangs_leaves_threads_to_the_others() throws Exception {
    int taken = 0;
    while (workers.execute("slow", this::hang)) {
      taken++;
    }
    assertThat(taken).as("three threads and six places").isEqualTo(9);
    CountDownLatch other = new CountDownLatch(20);
    for (int i = 0; i < 20; i++) {
      await()
          .atMost(Duration.ofSeconds(60))
          .until(() -> workers.execute("quick", other::countDown));
    }
    assertThat(other.await(60, TimeUnit.SECONDS)).isTrue();
    release.countDown();
    int all = taken;
    await().atMost(Duration.ofSeconds(60)).until(() -> ran.get() == all);
    assertThat(workers.waiting()).isZero();
  }

  @Test
  void what_finds_no_place_is_refused_however_many_methods_there_are() {
    int taken = 0;
    for (int method = 0; method < 10; method++) {
      while (workers.execute("m" + method, this::hang)) {
        taken++;
      }
    }
    assertThat(taken).isEqualTo(12);
    assertThat(workers.waiting()).isEqualTo(8);
  }
}
