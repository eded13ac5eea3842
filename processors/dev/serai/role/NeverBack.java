package dev.serai.role;

import java.time.Instant;
import java.time.InstantSource;

/**
 * A clock for waiting: it follows another one, but when that is set back, it goes on from where it
 * was. So nothing waits an hour for a time that it took for near. Not for dates. May be used from
 * any thread.
 */
public final class NeverBack implements InstantSource {
  private final InstantSource clock;
  private Instant last = Instant.MIN;
  private long lostMillis;

  public NeverBack(InstantSource clock) {
    this.clock = clock;
  }

  @Override
  public synchronized Instant instant() {
    Instant now = clock.instant();
    if (now.isBefore(last)) {
      lostMillis += last.toEpochMilli() - now.toEpochMilli();
    }
    last = now;
    return now.plusMillis(lostMillis);
  }
}
