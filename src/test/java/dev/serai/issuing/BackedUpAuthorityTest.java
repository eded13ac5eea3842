package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.backup.Backup;
import dev.serai.backup.BackupArchive;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.SqliteDatabase;
import dev.serai.testing.TestAudit;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** No backup has an authority that signs without its key, also while authorities change. */
class BackedUpAuthorityTest {
  private static final int BACKUPS = 5;
  private static final Duration LIFE = Duration.ofMinutes(10);

  @TempDir Path directory;

  @Test
  void every_backup_during_rotations_has_the_keys_of_its_authorities() throws Exception {
    AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("2026-11-25T00:00:00Z"));
    AtomicBoolean goOn = new AtomicBoolean(true);
    try (SqliteDatabase database = SqliteDatabase.open(directory.resolve("serai.db"))) {
      Authority authority =
          Authority.open(
              TrustDomain.parse("test.example"),
              database,
              TestAudit.of(database, directory),
              new KeyFiles(directory.resolve("issuer/keys")),
              Signatures.fastest(),
              new RotationSchedule(LIFE, LIFE),
              now::get);
      String first = authority.active().id();
      Thread rotating =
          new Thread(
              () -> {
                while (goOn.get()) {
                  now.updateAndGet(at -> at.plusSeconds(37));
                  authority.rotate();
                }
              },
              "rotating");
      rotating.start();
      try {
        for (int i = 0; i < BACKUPS; i++) {
          Path backup = directory.resolve("backup" + i);
          Backup.make(directory, backup, Optional.empty(), Optional.empty(), "test", Instant.now());
          assertThat(new BackupArchive(backup, Optional.empty(), Optional.empty()).verify())
              .as("refused if a key is missing")
              .isNotNull();
        }
      } finally {
        goOn.set(false);
        rotating.join(60_000);
      }
      assertThat(authority.active().id()).as("it did rotate").isNotEqualTo(first);
    }
  }
}
