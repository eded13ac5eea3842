package dev.serai.audit;

import dev.serai.reason.Kind;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Callers that were refused. Anybody can have himself refused a thousand times a second, so they
 * are counted by reason and route, and each count is one record.
 */
public final class RefusedCallers {
  /** The bean's name, in a process that keeps a log. */
  public static final String BEAN = "refusedCallers";

  private static final Set<Kind> ABOUT_CALLERS =
      EnumSet.of(Kind.UNAUTHENTICATED, Kind.DENIED, Kind.OVERLOADED);

  private static final int MOST_COUNTS = 512;

  private final InstantSource clock;
  private final Map<String, Count> counts = new TreeMap<>();

  private static final class Count {
    private final ReasonCode code;
    private final String route;
    private final String firstTrace;
    private final Instant since;
    private long times;

    Count(ReasonCode code, String route, String firstTrace, Instant since) {
      this.code = code;
      this.route = route;
      this.firstTrace = firstTrace;
      this.since = since;
    }
  }

  public RefusedCallers(InstantSource clock) {
    this.clock = clock;
  }

  /** Counts it if it is about the caller. */
  public synchronized void refused(Reason reason, String route, String trace) {
    if (!concerns(reason.code())) {
      return;
    }
    String key = reason.code() + " " + route;
    if (counts.containsKey(key) || counts.size() < MOST_COUNTS) {
      counts.computeIfAbsent(key, k -> new Count(reason.code(), route, trace, clock.instant()))
          .times++;
    }
  }

  private static boolean concerns(ReasonCode code) {
    return ABOUT_CALLERS.contains(code.kind()) || isEnrolment(code) || isToken(code);
  }

  private static boolean isEnrolment(ReasonCode code) {
    return code.name().startsWith("EK_")
        || code.name().startsWith("AK_")
        || code == ReasonCode.NODE_TPM_CHANGED
        || code == ReasonCode.ACTIVATION_FAILED;
  }

  private static boolean isToken(ReasonCode code) {
    return code.name().startsWith("JOIN_TOKEN_");
  }

  /** The records of what was counted; counting begins anew. */
  synchronized List<AuditEvent> take() {
    List<AuditEvent> events = new ArrayList<>();
    for (Count count : counts.values()) {
      events.add(
          AuditEvent.of(
                  isEnrolment(count.code) ? AuditKind.EK_REFUSED : AuditKind.CALLER_REFUSED,
                  count.route)
              .because(count.code)
              .with("times", count.times)
              .with("since", count.since.toString())
              .with("firstTrace", count.firstTrace));
    }
    counts.clear();
    return events;
  }
}
