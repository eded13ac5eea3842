package dev.serai.deadline;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.time.Duration;
import java.util.Optional;
import org.apache.camel.Exchange;

/**
 * The moment after which nobody waits for a flow's answer any more. It is carried by the exchange
 * and, while a step of it runs, by the thread. On its way to the next process it is a number of
 * milliseconds, as gRPC does it, for clocks differ.
 *
 * <p>What is handed to an inner call is a little less than what is left, so that its own answer,
 * which says what was slow, comes back in time.
 */
public final class Deadline {
  /** Exchange variable. */
  public static final String VARIABLE = "deadline";

  /** Header of calls between roles: milliseconds the caller will wait. */
  public static final String HEADER = "Serai-Timeout";

  private static final ThreadLocal<Deadline> CURRENT = new ThreadLocal<>();
  private static final long LONGEST_MILLIS = Duration.ofHours(1).toMillis();
  private static final long LEAST_MARGIN_NANOS = 5_000_000;
  private static final long MOST_MARGIN_NANOS = 1_000_000_000;

  private final long at;

  private Deadline(long at) {
    this.at = at;
  }

  /** So long from now. */
  public static Deadline in(Duration time) {
    return new Deadline(System.nanoTime() + Math.min(time.toMillis(), LONGEST_MILLIS) * 1_000_000);
  }

  /** The exchange's, if it has one. */
  public static Optional<Deadline> of(Exchange exchange) {
    return Optional.ofNullable(exchange.getVariable(VARIABLE, Deadline.class));
  }

  /** Gives the exchange a deadline, unless it has an earlier one. */
  public static void limit(Exchange exchange, Duration time) {
    Deadline wished = in(time);
    Optional<Deadline> known = of(exchange);
    if (known.isEmpty() || wished.at - known.get().at < 0) {
      exchange.setVariable(VARIABLE, wished);
    }
  }

  /** What a header says; nothing when it is not a number of milliseconds. */
  public static Optional<Deadline> fromHeader(Object value) {
    if (value instanceof String text && text.matches("[0-9]{1,9}")) {
      return Optional.of(in(Duration.ofMillis(Long.parseLong(text))));
    }
    return Optional.empty();
  }

  /** The deadline of the step that runs on this thread. */
  public static Optional<Deadline> current() {
    return Optional.ofNullable(CURRENT.get());
  }

  /** From here on this thread works for it, or for nobody; close to go back to what was before. */
  public static Scope enter(Optional<Deadline> deadline) {
    Deadline before = CURRENT.get();
    set(deadline.orElse(null));
    return () -> set(before);
  }

  private static void set(Deadline deadline) {
    if (deadline == null) {
      CURRENT.remove();
    } else {
      CURRENT.set(deadline);
    }
  }

  /** Ends what {@link #enter} began. */
  @FunctionalInterface
  public interface Scope extends AutoCloseable {
    @Override
    void close();
  }

  /** What is left; zero when it has passed. */
  public Duration remaining() {
    return Duration.ofNanos(Math.max(0, at - System.nanoTime()));
  }

  public boolean passed() {
    return at - System.nanoTime() <= 0;
  }

  /** What an inner call may take: a little less than is left; zero when nothing is. */
  public Duration forInnerCall() {
    long left = at - System.nanoTime();
    long margin = Math.min(MOST_MARGIN_NANOS, Math.max(LEAST_MARGIN_NANOS, left / 20));
    return Duration.ofNanos(Math.max(0, left - margin));
  }

  /**
   * The bound of a call made by this thread: its own, or what the caller's deadline leaves if that
   * is less.
   *
   * @throws RefusalException DEADLINE_EXCEEDED when nothing is left
   */
  public static Duration within(Duration own) {
    return within(current(), own);
  }

  /** The same for a step that has its exchange at hand. */
  public static Duration within(Exchange exchange, Duration own) {
    return within(of(exchange), own);
  }

  private static Duration within(Optional<Deadline> deadline, Duration own) {
    if (deadline.isEmpty()) {
      return own;
    }
    Duration left = deadline.get().forInnerCall();
    if (left.toMillis() == 0) {
      throw new RefusalException(
          ReasonCode.DEADLINE_EXCEEDED, "the caller's time was over before this could begin");
    }
    return left.compareTo(own) < 0 ? left : own;
  }
}
