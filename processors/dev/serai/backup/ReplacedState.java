package dev.serai.backup;

import dev.serai.backup.StateDatabase.Bans;
import dev.serai.backup.StateDatabase.Lineage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.Optional;
import java.util.Set;

/**
 * What the state that a restore replaces knows and the backup may not: who is banned, and which
 * agents are still there.
 *
 * @param bans as far as they can be read
 * @param unreadable why these may not be all of them
 * @param lineage of its audit log
 * @param agents the SPIFFE ids it has
 */
record ReplacedState(Bans bans, Optional<String> unreadable, Lineage lineage, Set<String> agents) {

  ReplacedState {
    agents = Set.copyOf(agents);
  }

  private static ReplacedState unreadable(Bans bans, String why) {
    return new ReplacedState(bans, Optional.of(why), Lineage.NONE, Set.of());
  }

  static ReplacedState of(Path stateDir) {
    Path database = stateDir.resolve(StateFiles.DATABASE);
    if (!Files.exists(database)) {
      boolean had =
          Files.exists(stateDir.resolve(StateFiles.HEAD))
              || Files.exists(stateDir.resolve(StateFiles.KEYS));
      return had
          ? unreadable(Bans.NONE, database + " is missing beside state that had one")
          : new ReplacedState(Bans.NONE, Optional.empty(), Lineage.NONE, Set.of());
    }
    Bans bans = Bans.NONE;
    try {
      bans = StateDatabase.bans(database);
      Optional<String> damage = StateDatabase.damage(database);
      return damage.isPresent()
          ? unreadable(bans, database + " is damaged: " + damage.get())
          : new ReplacedState(
              bans,
              Optional.empty(),
              StateDatabase.lineage(database),
              StateDatabase.agents(database));
    } catch (SQLException e) {
      return unreadable(bans, database + " cannot be read: " + e.getMessage());
    }
  }
}
