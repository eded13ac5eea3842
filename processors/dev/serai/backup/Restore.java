package dev.serai.backup;

import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
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
   * What was done.
   *
   * @param bansLost the replaced database could not be asked for its bans
   */
  public record Done(Manifest manifest, String replacedHead, boolean bansLost) {}

  /**
   * @param force also over state that is there
   * @param anyAudit also when the audit log in it was changed or cut
   * @throws RefusalException STATE_DIRECTORY_IN_USE, STATE_NOT_EMPTY, BACKUP_INVALID,
   *     SCHEMA_TOO_NEW, or what is wrong with the audit log in it
   */
  public static Done run(
      BackupArchive archive, Path stateDir, boolean force, boolean anyAudit, InstantSource clock)
      throws IOException {
    StateFiles.makePrivateDirectories(stateDir);
    try (StateLock lock = StateLock.hold(stateDir, Duration.ZERO)) {
      finish(stateDir);
      if (!force && !StateFiles.isEmpty(stateDir)) {
        throw new RefusalException(ReasonCode.STATE_NOT_EMPTY, "there is state in " + stateDir);
      }
      Done done = prepare(archive, stateDir, anyAudit, clock);
      finish(stateDir);
      return done;
    }
  }

  /** Up to the rename that decides. */
  static Done prepare(BackupArchive archive, Path stateDir, boolean anyAudit, InstantSource clock)
      throws IOException {
    Path staging = stateDir.resolve(STAGING);
    StateFiles.delete(staging);
    StateFiles.makePrivateDirectories(staging);
    try {
      Manifest manifest = archive.unpack(staging);
      Optional<Reason> wrong = BackupArchive.check(manifest, staging);
      if (wrong.isPresent() && !anyAudit) {
        throw new RefusalException(
            wrong.get().code(), "the audit log in it: " + wrong.get().detail());
      }
      String replaced =
          new HeadFile(stateDir.resolve(StateFiles.HEAD))
              .read()
              .map(HeadFile.Head::toString)
              .orElse("");
      boolean bansLost = makeGood(manifest, staging, stateDir, replaced, wrong, clock);
      StateFiles.syncAll(staging);
      Files.move(staging, stateDir.resolve(READY), StandardCopyOption.ATOMIC_MOVE);
      StateFiles.sync(stateDir);
      return new Done(manifest, replaced, bansLost);
    } finally {
      StateFiles.delete(staging);
    }
  }

  private static boolean makeGood(
      Manifest manifest,
      Path staging,
      Path stateDir,
      String replaced,
      Optional<Reason> wrong,
      InstantSource clock) {
    Path file = staging.resolve(StateFiles.DATABASE);
    if (!Files.exists(file)) {
      return false;
    }
    StateDatabase.Bans bans = StateDatabase.Bans.NONE;
    boolean bansLost = false;
    try {
      bans = StateDatabase.bans(stateDir.resolve(StateFiles.DATABASE));
    } catch (SQLException e) {
      LOG.warn("the bans of the replaced database cannot be read: {}", e.getMessage());
      bansLost = true;
    }
    StateDatabase.Bans kept = bans;
    Instant now = clock.instant();
    try (Database database = SqliteDatabase.open(file)) {
      Audit audit =
          Audit.open(
              database,
              manifest.trustDomain().isEmpty() ? "unknown" : manifest.trustDomain(),
              new HeadFile(staging.resolve(StateFiles.HEAD)),
              clock,
              new SimpleMeterRegistry());
      database.write(
          connection -> {
            AuditEvent restored =
                RestoredState.apply(connection, kept, now)
                    .with("madeAt", manifest.madeAt().toString())
                    .with("backupHead", manifest.auditHead())
                    .with("replacedHead", replaced)
                    .because(wrong.map(List::of).orElse(List.of()));
            audit.beginAfterRestore(restored);
            return null;
          });
    }
    return bansLost;
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
