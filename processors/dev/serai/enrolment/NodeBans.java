package dev.serai.enrolment;

import dev.serai.appraisal.EnrolmentBans;
import java.time.InstantSource;

/**
 * Bans TPMs from enrolment. A ban is on the endorsement key, so it outlives the node's record and
 * holds under every node id.
 */
final class NodeBans implements EnrolmentBans {
  private final EnrolmentStore store;
  private final InstantSource clock;

  NodeBans(EnrolmentStore store, InstantSource clock) {
    this.store = store;
    this.clock = clock;
  }

  @Override
  public boolean ban(String ekName) {
    return store.ban(ekName, clock.instant());
  }

  @Override
  public boolean unban(String ekName) {
    return store.unban(ekName);
  }
}
