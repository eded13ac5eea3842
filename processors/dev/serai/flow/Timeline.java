package dev.serai.flow;

import dev.serai.reason.Reason;
import dev.serai.role.RoleContext;
import dev.serai.role.TraceId;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.slf4j.MDC;

/**
 * The last events of this process, for people to look at. It is no record: it is in memory, the
 * oldest event goes when there are too many, and nothing is decided by it. Safe for any thread.
 */
public final class Timeline {
  /** The bean's name. */
  public static final String BEAN = "timeline";

  /** How many events are kept. */
  public static final int SIZE = 1_000;

  private static final int MAX_TEXT = 300;
  private static final int MAX_REASONS = 8;

  private final InstantSource clock;
  private final Deque<Event> events = new ArrayDeque<>();
  private long last;

  public Timeline(InstantSource clock) {
    this.clock = clock;
  }

  /** The process's own; one that nobody looks at when there is none. */
  public static Timeline of(RoleContext context) {
    Timeline known = context.camel().getRegistry().lookupByNameAndType(BEAN, Timeline.class);
    return known == null ? new Timeline(context.clock()) : known;
  }

  /** What kind of thing happened. */
  public enum Kind {
    /** A node proved itself to the issuer, or did not. */
    ATTESTATION,
    /** Continuous appraisal changed its word on a node. */
    VERDICT,
    /** The agent of this machine came into another state. */
    AGENT,
    /** A circuit breaker opened or closed. */
    BREAKER,
    /** An administrator acted. */
    ADMINISTRATION
  }

  /**
   * One event.
   *
   * @param number rises by one with each event of this process
   * @param source the role that says so
   * @param subject a node id, or what else it is about; may come from the network
   * @param outcome one word, for instance TRUSTED
   * @param traceId of the flow that it happened in; empty when in none
   */
  public record Event(
      long number,
      Instant at,
      Kind kind,
      String source,
      String subject,
      String outcome,
      List<Reason> reasons,
      Optional<String> traceId) {
    public Event {
      reasons = List.copyOf(reasons);
    }
  }

  /** Something happened now, in the flow of this thread. */
  public void record(
      Kind kind, String source, String subject, String outcome, List<Reason> reasons) {
    List<Reason> kept =
        reasons.stream()
            .limit(MAX_REASONS)
            .map(reason -> new Reason(reason.code(), cut(reason.detail())))
            .toList();
    Optional<String> trace = Optional.ofNullable(MDC.get(TraceId.VARIABLE));
    synchronized (events) {
      last++;
      events.addLast(
          new Event(last, clock.instant(), kind, source, cut(subject), outcome, kept, trace));
      if (events.size() > SIZE) {
        events.removeFirst();
      }
    }
  }

  /** The latest first. */
  public List<Event> latest(int limit) {
    List<Event> found = new ArrayList<>();
    synchronized (events) {
      var backwards = events.descendingIterator();
      while (backwards.hasNext() && found.size() < limit) {
        found.add(backwards.next());
      }
    }
    return found;
  }

  private static String cut(String text) {
    String known = text == null ? "" : text;
    return known.length() <= MAX_TEXT ? known : known.substring(0, MAX_TEXT) + "...";
  }
}
