package dev.serai.backup;

import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.audit.HeadFile;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.store.Database;
import dev.serai.store.SqliteDatabase;
import dev.serai.store.StateLock;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts a backup back. All of it is unpacked, checked and made ready beside the state; one rename
 * decides. Before it the old state stands; after it the new one does, and whoever opens the
 * directory next moves into place what is not there yet.
 */
public final class Restore {
  private static final Logger LOG = LoggerFactory.getLogger(Restore.class);

  /** Being made; worthless if its maker is gone. */
  static final String STAGING = ".restore-staging";

  /** Decided; only to be moved into place. */
  static final String READY = ".restore-ready";

  private Restore() {}

  /**
   * What whoever restores takes upon himself.
   *
   * @param force also over state that is there
   * @param anyAudit also when the audit log in it was changed or cut
   * @param loseBans also when the bans of the state that is there cannot be carried over
   * @param keepJoined agents of join tokens come back also when it is not known which of them were
   *     evicted after the backup
   */
  public record Options(boolean force, boolean anyAudit, boolean loseBans, boolean keepJoined) {
    public static final Options NONE = new Options(false, false, false, false);
  }

  /**
   * What was done.
   *
   * @param bansLost the replaced state could not be asked for its bans
   * @param evicted agents of join tokens that are in the backup and did not come back
   * @param joined those that did
   */
  public record Done(
      Manifest manifest,
      String replacedHead,
      boolean bansLost,
      List<String> evicted,
      List<String> joined) {
    public Done {
      evicted = List.copyOf(evicted);
      joined = List.copyOf(joined);
    }
  }

  /**
   * @throws RefusalException STATE_DIRECTORY_IN_USE, STATE_NOT_EMPTY, BANS_UNREADABLE,
   *     BACKUP_INVALID, SCHEMA_TOO_NEW, or what is wrong with the audit log in it
   */
  public static Done run(BackupArchive archive, Path stateDir, Options options, InstantSource clock)
      throws IOException {
    StateFiles.makePrivateDirectories(stateDir);
    try (StateLock lock = StateLock.hold(stateDir, Duration.ZERO)) {
      finish(stateDir);
      if (!options.force() && !StateFiles.isEmpty(stateDir)) {
        throw new RefusalException(ReasonCode.STATE_NOT_EMPTY, "there is state in " + stateDir);
      }
      Done done = prepare(archive, stateDir, options, clock);
      finish(stateDir);
      return done;
    }
  }

  /** Up to the rename that decides. */
  static Done prepare(BackupArchive archive, Path stateDir, Options options, InstantSource clock)
      throws IOException {
    Path staging = stateDir.resolve(STAGING);
    StateFiles.delete(staging);
    StateFiles.makePrivateDirectories(staging);
    try {
      Manifest manifest = archive.unpack(staging);
      Optional<Reason> wrong = BackupArchive.check(manifest, staging);
      if (wrong.isPresent() && !options.anyAudit()) {
        throw new RefusalException(
            wrong.get().code(), "the audit log in it: " + wrong.get().detail());
      }
      String replaced =
          new HeadFile(stateDir.resolve(StateFiles.HEAD))
              .read()
              .map(HeadFile.Head::toString)
              .orElse("");
      ReplacedState old = ReplacedState.of(stateDir);
      boolean database = Files.exists(staging.resolve(StateFiles.DATABASE));
      boolean bansLost = old.unreadable().isPresent() || (!database && !old.bans().isEmpty());
      if (bansLost && !options.loseBans()) {
        throw new RefusalException(
            ReasonCode.BANS_UNREADABLE,
            old.unreadable().orElse("the backup has no database to keep them in"));
      }
      RestoredState.Joined joined = RestoredState.Joined.NONE;
      if (database) {
        Instant now = clock.instant();
        joined = makeGood(manifest, staging, old, replaced, wrong, options, now);
      }
      StateFiles.syncAll(staging);
      Files.move(staging, stateDir.resolve(READY), StandardCopyOption.ATOMIC_MOVE);
      StateFiles.sync(stateDir);
      return new Done(manifest, replaced, bansLost, joined.evicted(), joined.kept());
    } finally {
      StateFiles.delete(staging);
    }
  }

  private static RestoredState.Joined makeGood(
      Manifest manifest,
      Path staging,
      ReplacedState old,
      String replaced,
      Optional<Reason> wrong,
      Options options,
      Instant now)
      throws IOException {
    Path file = staging.resolve(StateFiles.DATABASE);
    StateDatabase.Lineage made;
    try {
      made = StateDatabase.lineage(file);
    } catch (SQLException e) {
      throw new IOException("the audit log of the backup cannot be read", e);
    }
    try (Database database = SqliteDatabase.open(file)) {
      Audit audit =
          Audit.open(
              database,
              manifest.trustDomain().isEmpty() ? "unknown" : manifest.trustDomain(),
              new HeadFile(staging.resolve(StateFiles.HEAD)),
              () -> now,
              new SimpleMeterRegistry());
      return database.write(
          connection -> {
            AuditEvent restored = RestoredState.apply(connection, old.bans(), now);
            RestoredState.Joined joined =
                RestoredState.evict(connection, made, old, options.keepJoined());
            audit.beginAfterRestore(
                restored
                    .with("madeAt", manifest.madeAt().toString())
                    .with("backupHead", manifest.auditHead())
                    .with("replacedHead", replaced)
                    .with("bansLost", Boolean.toString(old.unreadable().isPresent()))
                    .with("joinedEvicted", joined.evicted().size())
                    .with("joinedKept", joined.kept().size())
                    .because(wrong.map(List::of).orElse(List.of())));
            for (String id : joined.evicted()) {
              audit.append(
                  connection, AuditEvent.of(AuditKind.NODE_EVICTED, id).with("by", "restore"));
            }
            return joined;
          });
    }
  }

  /**
   * Moves into place what a restore had decided on; removes what one that ended too early left. By
   * whoever holds the directory, before anything in it is opened. May be repeated at any point.
   */
  public static void finish(Path stateDir) {
    StateFiles.delete(stateDir.resolve(STAGING));
    Path ready = stateDir.resolve(READY);
    if (!Files.isDirectory(ready)) {
      return;
    }
    try {
      boolean database = Files.exists(ready.resolve(StateFiles.DATABASE));
      if (database) {
        // Beside another database these would be taken for its own.
        Files.deleteIfExists(stateDir.resolve(StateFiles.DATABASE + "-wal"));
        Files.deleteIfExists(stateDir.resolve(StateFiles.DATABASE + "-shm"));
      }
      boolean first = !Files.exists(ready.resolve(MOVING));
      for (String item : StateFiles.ITEMS) {
        Path target = stateDir.resolve(item);
        Path source = ready.resolve(item);
        if (Files.exists(source)) {
          StateFiles.delete(target);
        } else if (first) {
          StateFiles.delete(target); // the backup has none
        }
      }
      if (first) {
        Files.createFile(ready.resolve(MOVING));
        StateFiles.sync(ready);
      }
      for (String item : StateFiles.ITEMS) {
        Path source = ready.resolve(item);
        if (Files.exists(source)) {
          Files.move(source, stateDir.resolve(item), StandardCopyOption.ATOMIC_MOVE);
        }
      }
      StateFiles.sync(stateDir);
      StateFiles.delete(ready);
      StateFiles.sync(stateDir);
      LOG.info("restored state is in place in {}", stateDir);
    } catch (IOException e) {
      throw new UncheckedIOException("a restore cannot be finished in " + stateDir, e);
    }
  }

  /** In the ready directory: what the backup does not have is gone, the moves have begun. */
  private static final String MOVING = "moving";
}
