package dev.serai.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.serai.deadline.Deadline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TurnsTest {
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final CountDownLatch release = new CountDownLatch(1);
  private final Turns turns = new Turns("the thing", 1);

  @AfterEach
  void stop() {
    release.countDown();
    threads.shutdownNow();
  }

  private Future<Boolean> hang() throws InterruptedException {
    CountDownLatch inside = new CountDownLatch(1);
    Future<Boolean> hanging =
        threads.submit(
            () ->
                turns.in(
                    () -> {
                      inside.countDown();
                      try {
                        release.await();
                      } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                      }
                      return true;
                    }));
    inside.await();
    return hanging;
  }

  @Test
  void work_inside_a_turn_needs_no_other() {
    assertThat(turns.<Integer>in(() -> turns.in(() -> 7))).isEqualTo(7);
  }

  @Test
  void behind_something_that_hangs_a_few_wait_and_the_others_are_refused() throws Exception {
    Future<Boolean> hanging = hang();
    List<Future<Boolean>> waiting = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      waiting.add(threads.submit(() -> turns.in(() -> true)));
    }
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> waiting.stream().filter(Future::isDone).count() >= 10);
    for (Future<Boolean> refused : waiting.stream().filter(Future::isDone).toList()) {
      assertThatThrownBy(refused::get)
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(DatabaseException.class);
    }
    release.countDown();
    assertThat(hanging.get()).isTrue();
    await().atMost(Duration.ofSeconds(60)).until(() -> waiting.stream().allMatch(Future::isDone));
    assertThat(turns.<Boolean>in(() -> true)).as("afterwards").isTrue();
  }

  @Test
  void nobody_waits_longer_than_the_flow_it_is_for() throws Exception {
    Future<Boolean> hanging = hang();
    try (Deadline.Scope scope = Deadline.enter(Optional.of(Deadline.in(Duration.ofMillis(200))))) {
      assertThatThrownBy(() -> turns.in(() -> true))
          .isInstanceOf(DatabaseException.class)
          .hasMessageContaining("no turn at the thing");
    }
    release.countDown();
    assertThat(hanging.get()).isTrue();
  }
}
