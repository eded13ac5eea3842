package dev.serai.fuzz;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Ends the process over an input that is never done with, and keeps the input. It counts time of
 * the processor: a machine that is busy with other things makes no finding.
 */
final class HangWatch {
  /** The directory for the input; set in processes of {@link FuzzRun} only. */
  static final String DIRECTORY = "serai.fuzz.hangs";

  /** What the process prints, and its code. */
  static final String FOUND = "== Hang: ";

  static final int EXIT_CODE = 78;

  private static final long MOST_CPU_NANOS = 30_000_000_000L;
  private static final long EVERY_MILLIS = 2_000;
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final String GIVEN = System.getProperty(DIRECTORY, "");
  private static final AtomicReference<Under> CURRENT = new AtomicReference<>();

  private record Under(byte[] data, Thread thread, long cpuBefore) {}

  static {
    if (!GIVEN.isEmpty()) {
      Thread watch = new Thread(HangWatch::watch, "hang-watch");
      watch.setDaemon(true);
      watch.start();
    }
  }

  private HangWatch() {}

  /** From here on this thread is at work on this input. */
  static void begin(byte[] data) {
    if (!GIVEN.isEmpty()) {
      CURRENT.set(new Under(data, Thread.currentThread(), THREADS.getCurrentThreadCpuTime()));
    }
  }

  static void end() {
    CURRENT.set(null);
  }

  private static void watch() {
    while (true) {
      try {
        Thread.sleep(EVERY_MILLIS);
      } catch (InterruptedException e) {
        return;
      }
      Under under = CURRENT.get();
      if (under != null && spent(under) > MOST_CPU_NANOS && CURRENT.compareAndSet(under, null)) {
        Path input =
            Path.of(GIVEN).resolve("hang-" + Integer.toHexString(Arrays.hashCode(under.data())));
        write(input, under.data());
        System.err.println(
            FOUND
                + "an input is never done with, at "
                + Arrays.toString(under.thread().getStackTrace()));
        System.err.println("Test unit written to " + input);
        Runtime.getRuntime().halt(EXIT_CODE);
      }
    }
  }

  private static long spent(Under under) {
    return THREADS.getThreadCpuTime(under.thread().getId()) - under.cpuBefore();
  }

  private static void write(Path file, byte[] data) {
    try {
      Files.write(file, data);
    } catch (IOException e) {
      System.err.println("not written: " + e);
    }
  }
}
