package dev.serai.rpc;

import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The threads on which calls run in routes, with a bulkhead between methods: whatever hangs in one
 * method, the calls of the others find a thread. One method takes at most three quarters of the
 * threads, and of the places to wait. What finds no place is refused.
 */
final class RpcWorkers {
  private final int waitingLimit;
  private final int runningShare;
  private final int waitingShare;
  private final ThreadPoolExecutor threads;
  // Guarded by this.
  private final Map<String, Share> shares = new HashMap<>();
  private int waiting;

  private static final class Share {
    private final Queue<Runnable> waiting = new ArrayDeque<>();
    private int running;
  }

  RpcWorkers(String name, int running, int waiting) {
    this.waitingLimit = waiting;
    this.runningShare = share(running);
    this.waitingShare = share(waiting);
    // What is handed over never exceeds threads and waiting places together: counted here.
    this.threads =
        new ThreadPoolExecutor(
            running,
            running,
            30,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            new DefaultThreadFactory(name, true));
    threads.allowCoreThreadTimeOut(true);
  }

  private static int share(int all) {
    return Math.max(1, all - all / 4);
  }

  /** Runs it now or when its turn comes; false when there is no place. */
  boolean execute(String method, Runnable call) {
    synchronized (this) {
      Share share = shares.computeIfAbsent(method, m -> new Share());
      if (handedOver() + waiting >= threads.getCorePoolSize() + waitingLimit) {
        return false;
      }
      if (share.running >= runningShare) {
        if (share.waiting.size() >= waitingShare) {
          return false;
        }
        share.waiting.add(call);
        waiting++;
        return true;
      }
      share.running++;
    }
    start(method, call);
    return true;
  }

  private int handedOver() {
    return shares.values().stream().mapToInt(share -> share.running).sum();
  }

  private void start(String method, Runnable call) {
    threads.execute(
        () -> {
          try {
            call.run();
          } finally {
            ended(method);
          }
        });
  }

  private void ended(String method) {
    Runnable next;
    synchronized (this) {
      Share share = shares.get(method);
      next = share.waiting.poll();
      if (next == null) {
        share.running--;
        return;
      }
      waiting--;
    }
    if (!threads.isShutdown()) {
      start(method, next);
    }
  }

  /** Calls that wait for a thread, for tests and metrics. */
  synchronized int waiting() {
    return waiting + threads.getQueue().size();
  }

  void shutdownNow() {
    threads.shutdownNow();
  }
}
