package dev.serai.management;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RequestThreadsTest {
  private static final int MOST = 3;

  private final RequestThreads threads = new RequestThreads(MOST);
  private final BlockingQueue<Integer> begun = new LinkedBlockingQueue<>();
  private final BlockingQueue<Integer> closed = new LinkedBlockingQueue<>();
  private final CountDownLatch never = new CountDownLatch(1);

  @AfterEach
  void end() {
    threads.close();
  }

  /** Its caller sends no more; only an interrupt ends it. */
  private void half(int number) {
    threads.execute(
        () -> {
          begun.add(number);
          waitFor(never);
          closed.add(number);
        });
  }

  private static boolean waitFor(CountDownLatch latch) {
    try {
      latch.await();
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static <T> T next(BlockingQueue<T> queue) throws InterruptedException {
    return queue.poll(60, TimeUnit.SECONDS);
  }

  @Test
  void a_whole_request_gets_the_thread_of_the_oldest_half_one() throws Exception {
    for (int i = 0; i < MOST; i++) {
      half(i);
      assertThat(next(begun)).isEqualTo(i);
    }
    CountDownLatch answered = new CountDownLatch(1);
    threads.execute(answered::countDown);
    assertThat(answered.await(60, TimeUnit.SECONDS)).isTrue();
    assertThat(next(closed)).isZero();
    half(MOST); // in the place that is free now
    assertThat(next(begun)).isEqualTo(MOST);
    assertThat(closed).isEmpty();
  }

  @Test
  void a_flood_of_half_requests_at_once_keeps_nobody_out() throws Exception {
    for (int i = 0; i < 200; i++) {
      half(i);
    }
    CountDownLatch answered = new CountDownLatch(1);
    threads.execute(answered::countDown);
    assertThat(answered.await(60, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void what_is_being_answered_is_not_given_up() throws Exception {
    CountDownLatch goOn = new CountDownLatch(1);
    BlockingQueue<String> results = new LinkedBlockingQueue<>();
    for (int i = 0; i < MOST - 1; i++) {
      CountDownLatch busy = new CountDownLatch(1);
      threads.execute(
          () -> {
            try {
              results.add(
                  threads.answering(
                      () -> {
                        busy.countDown();
                        return waitFor(goOn) ? "answered" : "interrupted";
                      }));
            } catch (IOException e) {
              results.add(e.toString());
            }
          });
      assertThat(busy.await(60, TimeUnit.SECONDS)).isTrue();
    }
    for (int i = 0; i < 10; i++) { // one place, and each has to leave it to the next
      half(i);
      assertThat(next(begun)).isEqualTo(i);
    }
    goOn.countDown();
    for (int i = 0; i < MOST - 1; i++) {
      assertThat(next(results)).isEqualTo("answered");
    }
  }

  @Test
  void nothing_is_worked_out_for_a_request_that_was_given_up() throws Exception {
    BlockingQueue<Exception> refused = new LinkedBlockingQueue<>();
    CountDownLatch reading = new CountDownLatch(1);
    threads.execute(
        () -> {
          reading.countDown();
          waitFor(never);
          try {
            threads.answering(() -> begun.add(0));
          } catch (IOException e) {
            refused.add(e);
          }
        });
    assertThat(reading.await(60, TimeUnit.SECONDS)).isTrue();
    for (int i = 1; i <= MOST; i++) {
      half(i);
    }
    assertThat(next(refused)).isInstanceOf(InterruptedIOException.class);
    assertThat(begun).doesNotContain(0);
  }

  @Test
  void a_thread_that_was_interrupted_serves_the_next_request_as_if_nothing_had_been()
      throws Exception {
    BlockingQueue<Boolean> interrupted = new LinkedBlockingQueue<>();
    for (int round = 0; round < 20; round++) {
      for (int i = 0; i < MOST; i++) {
        half(i);
      }
      threads.execute(() -> interrupted.add(Thread.currentThread().isInterrupted()));
      assertThat(next(interrupted)).isFalse();
    }
  }
}
