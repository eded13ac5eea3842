package dev.serai.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.List;

/**
 * Measures kernels against each other in one run: all are warmed up, then they take turns in short
 * rounds, so that what else the machine does hits all alike. Time is CPU time of the measuring
 * thread, so that other programs on the same cores do not count; on an idle machine it is the time
 * that passes. The median round counts.
 */
final class AlternatingRounds {
  private static final int ROUNDS = 301;
  private static final long ROUND_NANOS = 3_000_000;
  private static final long WARM_UP_NANOS = 1_500_000_000L;

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  /** One operation; the result is looked at, so that no compiler removes the work. */
  @FunctionalInterface
  interface Kernel {
    boolean run();
  }

  private AlternatingRounds() {}

  /** Nanoseconds per operation, one figure for each kernel, in their order. */
  static double[] nanosPerOperation(List<Kernel> kernels) {
    int[] batch = new int[kernels.size()];
    for (int k = 0; k < kernels.size(); k++) {
      batch[k] = warmUp(kernels.get(k));
    }
    double[][] figures = new double[kernels.size()][ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      for (int k = 0; k < kernels.size(); k++) {
        figures[k][round] = (double) time(kernels.get(k), batch[k]) / batch[k];
      }
    }
    return Arrays.stream(figures).mapToDouble(AlternatingRounds::median).toArray();
  }

  /** How many operations fill a round. */
  private static int warmUp(Kernel kernel) {
    long start = now();
    long spent;
    long done = 0;
    do {
      time(kernel, 16);
      done += 16;
      spent = now() - start;
    } while (spent < WARM_UP_NANOS);
    long perOperation = Math.max(1, time(kernel, 64) / 64);
    return (int) Math.max(1, Math.min(done, ROUND_NANOS / perOperation));
  }

  private static long time(Kernel kernel, int count) {
    long start = now();
    for (int i = 0; i < count; i++) {
      if (!kernel.run()) {
        throw new IllegalStateException("a kernel of the benchmark failed");
      }
    }
    return now() - start;
  }

  private static long now() {
    return THREADS.isCurrentThreadCpuTimeSupported()
        ? THREADS.getCurrentThreadCpuTime()
        : System.nanoTime();
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
