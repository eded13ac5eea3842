package dev.serai.enrolment;

import dev.serai.keylime.AgentId;
import java.time.InstantSource;

/**
 * Bans TPMs from enrolment. A ban is on the endorsement key, so it outlives the node's record and
 * holds under every node id.
 */
public final class NodeBans {
  private final EnrolmentStore store;
  private final InstantSource clock;

  NodeBans(EnrolmentStore store, InstantSource clock) {
    this.store = store;
    this.clock = clock;
  }

  /** Bans the TPM of a node. False when there is no such node. */
  public boolean ban(String nodeId) {
    return AgentId.parse(nodeId).map(id -> store.ban(id, clock.instant())).orElse(false);
  }

  /** Lifts the ban of a TPM, by its EK's Name in hex. False when it was not banned. */
  public boolean unban(String ekName) {
    return store.unban(ekName);
  }
}
