package dev.serai.gate;

import dev.serai.location.DeviceAnswer;
import dev.serai.location.DeviceQuestion;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Answers of the sensor service that are not old yet, by device. An UNKNOWN is not kept, for the
 * next question may find out. Safe for any thread.
 */
final class DeviceAnswers {
  private static final int MOST = 10_000;

  private final Duration life;
  private final InstantSource clock;

  // Guarded by this.
  private final Map<DeviceQuestion, Kept> kept =
      new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<DeviceQuestion, Kept> eldest) {
          return size() > MOST;
        }
      };

  private record Kept(DeviceAnswer answer, Instant at) {}

  /**
   * @param life zero to keep none
   */
  DeviceAnswers(Duration life, InstantSource clock) {
    this.life = life;
    this.clock = clock;
  }

  synchronized Optional<DeviceAnswer> find(DeviceQuestion question) {
    Kept known = kept.get(question);
    if (known == null) {
      return Optional.empty();
    }
    Instant now = clock.instant();
    boolean fresh = !now.isBefore(known.at()) && now.isBefore(known.at().plus(life));
    if (!fresh) {
      kept.remove(question);
      return Optional.empty();
    }
    return Optional.of(known.answer());
  }

  synchronized void keep(DeviceQuestion question, DeviceAnswer answer) {
    if (!life.isZero() && answer != DeviceAnswer.UNKNOWN) {
      kept.put(question, new Kept(answer, clock.instant()));
    }
  }
}
