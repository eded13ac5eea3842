package dev.serai.management;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The threads of the management port. A request takes one while it is read, answered and written.
 * When all are taken and another request comes, the oldest that is being read or written is given
 * up: its thread is interrupted, which closes its connection. So callers that do not end their
 * request, or do not read their answer, hold up nobody, however many they are. What is being
 * answered is left alone.
 */
final class RequestThreads implements Executor, AutoCloseable {
  private static final long IDLE_SECONDS = 30;

  private final int most;
  private final ThreadPoolExecutor pool;
  private final ThreadLocal<Request> own = new ThreadLocal<>();
  // Guarded by this.
  private final Set<Request> running = new LinkedHashSet<>(); // the oldest first
  private int accepted; // running or waiting
  private int givenUp; // of those that run

  /**
   * @param most requests at once
   */
  RequestThreads(int most) {
    this.most = most;
    this.pool =
        new ThreadPoolExecutor(
            most,
            most,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            action -> {
              Thread thread = new Thread(action, "serai-management");
              thread.setDaemon(true);
              return thread;
            });
    pool.allowCoreThreadTimeOut(true);
  }

  private static final class Request {
    private final Thread thread = Thread.currentThread();
    private boolean answering;
    private boolean givenUp;
  }

  /** What makes an answer. */
  interface Work<T> {
    T call() throws IOException;
  }

  @Override
  public void execute(Runnable action) {
    synchronized (this) {
      accepted++;
    }
    boolean taken = false;
    try {
      pool.execute(() -> run(action));
      taken = true;
    } finally {
      synchronized (this) {
        if (!taken) {
          accepted--;
        }
        makeRoom(Optional.empty());
      }
    }
  }

  private void run(Runnable action) {
    Request request = new Request();
    synchronized (this) {
      running.add(request);
      makeRoom(Optional.of(request));
    }
    own.set(request);
    try {
      action.run();
    } finally {
      own.remove();
      synchronized (this) {
        running.remove(request);
        accepted--;
        if (request.givenUp) {
          givenUp--;
        }
        Thread.interrupted(); // whoever gives up holds the lock: none comes after this
      }
    }
  }

  /**
   * Within a request: works on an answer, which is not interrupted.
   *
   * @throws InterruptedIOException instead, when it was given up
   */
  <T> T answering(Work<T> work) throws IOException {
    Request request = own.get();
    synchronized (this) {
      if (request.givenUp) {
        throw new InterruptedIOException("given up for other requests");
      }
      request.answering = true;
    }
    try {
      return work.call();
    } finally {
      synchronized (this) {
        request.answering = false;
        makeRoom(Optional.of(request));
      }
    }
  }

  /** Gives up as many as wait, the oldest first, but not this one. */
  private void makeRoom(Optional<Request> spared) {
    if (accepted - givenUp <= most) {
      return;
    }
    for (Request request : running) {
      boolean may = !request.answering && !request.givenUp;
      if (may && spared.filter(one -> one == request).isEmpty()) {
        request.givenUp = true;
        givenUp++;
        request.thread.interrupt();
        if (accepted - givenUp <= most) {
          return;
        }
      }
    }
  }

  @Override
  public void close() {
    pool.shutdownNow();
  }
}
