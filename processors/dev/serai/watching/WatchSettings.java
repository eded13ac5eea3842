package dev.serai.watching;

import dev.serai.role.Settings;
import java.time.Duration;

/**
 * Times and limits of continuous appraisal.
 *
 * @param interval between two questions to a node that answers
 * @param deadline of one question, from connecting to the last byte
 * @param grace how long an accepted appraisal proves a node that cannot be asked any more
 * @param longestBackOff between two questions to a node that does not answer
 * @param inFlight questions at once
 */
record WatchSettings(
    Duration interval,
    Duration deadline,
    Duration grace,
    Duration longestBackOff,
    int inFlight,
    boolean allowClearAgents) {

  static WatchSettings of(Settings settings) {
    return new WatchSettings(
        settings.duration("serai.verifier.interval"),
        settings.duration("serai.verifier.quote-deadline"),
        settings.duration("serai.verifier.unreachable-grace"),
        settings.duration("serai.verifier.longest-back-off"),
        settings.integer("serai.verifier.quotes-in-flight"),
        settings.flag("serai.verifier.allow-clear-agents"));
  }

  /** No node waits longer for its next question. */
  Duration longestWait() {
    return (interval.compareTo(longestBackOff) > 0 ? interval : longestBackOff).multipliedBy(2);
  }

  /** How long nobody else looks at a node that is being looked at. */
  Duration lease() {
    return deadline.multipliedBy(3).plusSeconds(10); // a question, /version, the question again
  }
}
