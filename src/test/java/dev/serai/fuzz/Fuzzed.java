package dev.serai.fuzz;

import com.sun.management.ThreadMXBean;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * Parsers of one fuzz target. The first byte of an input names the parser, the rest is what the
 * parser reads. A parser may answer with a value, with an exception it declares here, or with a
 * refusal that names its reason; anything else is a finding, and so is an input that costs too much
 * processor time or memory.
 */
public final class Fuzzed {
  /** Of the processor, not of the wall: the machine may be busy. */
  private static final long MOST_CPU_NANOS = 5_000_000_000L;

  /** Inputs are at most some 10 KiB. */
  private static final long MOST_ALLOCATED = 256L << 20;

  private static final int TRIES = 3;

  private static final ThreadMXBean THREAD = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final Map<Character, Known> parsers = new TreeMap<>();

  /** Reads foreign bytes and checks what it made of them. */
  @FunctionalInterface
  public interface Parser {
    void parse(byte[] input) throws Exception;
  }

  private record Known(String name, Parser parser, Class<?>[] outcomes) {}

  /**
   * One more parser.
   *
   * @param letter first byte of its inputs
   * @param outcomes exceptions that are lawful answers, beside a RefusalException
   */
  public Fuzzed with(char letter, String name, Parser parser, Class<?>... outcomes) {
    if (parsers.put(letter, new Known(name, parser, outcomes)) != null) {
      throw new IllegalArgumentException("two parsers of letter " + letter);
    }
    return this;
  }

  /** The letters in use. */
  public String letters() {
    StringBuilder letters = new StringBuilder();
    parsers.keySet().forEach(letters::append);
    return letters.toString();
  }

  /** Runs one input. @throws AssertionError for a finding */
  public void run(byte[] data) {
    Known known = data.length == 0 ? null : parsers.get((char) (data[0] & 0xff));
    if (known == null) {
      return;
    }
    byte[] input = Arrays.copyOfRange(data, 1, data.length);
    HangWatch.begin(data);
    try {
      // The first time loads classes and compiles; what is dear again and again is a finding.
      for (int tries = 1; !isCheap(known, input); tries++) {
        if (tries == TRIES) {
          throw new AssertionError(known.name() + " costs more than its input is worth");
        }
      }
    } finally {
      HangWatch.end();
    }
  }

  private static boolean isCheap(Known known, byte[] input) {
    long cpu = THREAD.getCurrentThreadCpuTime();
    long allocated = THREAD.getCurrentThreadAllocatedBytes();
    runOnce(known, input);
    return THREAD.getCurrentThreadCpuTime() - cpu < MOST_CPU_NANOS
        && THREAD.getCurrentThreadAllocatedBytes() - allocated < MOST_ALLOCATED;
  }

  private static void runOnce(Known known, byte[] input) {
    try {
      known.parser().parse(input);
    } catch (RefusalException e) {
      requireReason(known, e);
    } catch (Exception e) {
      if (Arrays.stream(known.outcomes()).noneMatch(outcome -> outcome.isInstance(e))) {
        throw new AssertionError(known.name() + " answered with " + e, e);
      }
    }
  }

  /** A refusal for reasons of our own would hide a fault. */
  private static void requireReason(Known known, RefusalException refusal) {
    if (refusal.reason() == null || refusal.reason().code() == ReasonCode.INTERNAL_ERROR) {
      throw new AssertionError(known.name() + " has no reason for its refusal", refusal);
    }
  }

  /** A property that has to hold of what was read. */
  public static void check(boolean holds, String property) {
    if (!holds) {
      throw new AssertionError("does not hold: " + property);
    }
  }

  /** The same for two values that have to be equal. */
  public static void same(Object expected, Object found, String property) {
    if (!expected.equals(found)) {
      throw new AssertionError(
          "does not hold: %s: %s and then %s".formatted(property, expected, found));
    }
  }
}
