package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jwt.SignedJWT;
import dev.serai.backup.Backup;
import dev.serai.backup.BackupArchive;
import dev.serai.backup.Restore;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.SqliteDatabase;
import dev.serai.testing.TestAudit;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
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
      Authority authority = authority(database, directory, now::get);
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

  @Test
  void what_is_restored_elsewhere_signs_on_with_the_same_keys_and_without_one_it_is_refused()
      throws Exception {
    Path state = Files.createDirectory(directory.resolve("state"));
    Path other = directory.resolve("other");
    Path backup = directory.resolve("backup");
    InstantSource clock = Clock.systemUTC();
    String certificates;
    String tokens;
    try (SqliteDatabase database = SqliteDatabase.open(state.resolve("serai.db"))) {
      Authority authority = authority(database, state, clock);
      certificates = authority.active().id();
      tokens = authority.activeJwt().keyId();
      Backup.make(state, backup, Optional.empty(), Optional.empty(), "test", Instant.now());
      Files.delete(state.resolve("issuer/keys").resolve(tokens + ".p8"));
      assertThatThrownBy(
              () ->
                  Backup.make(
                      state,
                      directory.resolve("refused"),
                      Optional.empty(),
                      Optional.empty(),
                      "test",
                      Instant.now()))
          .isInstanceOfSatisfying(
              RefusalException.class,
              e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.AUTHORITY_UNAVAILABLE));
    }
    Restore.run(
        new BackupArchive(backup, Optional.empty(), Optional.empty()),
        other,
        new Restore.Options(false, false, false, false),
        Clock.systemUTC());
    try (SqliteDatabase database = SqliteDatabase.open(other.resolve("serai.db"))) {
      Authority authority = authority(database, other, clock);
      assertThat(authority.active().id()).isEqualTo(certificates);
      assertThat(authority.activeJwt().keyId()).isEqualTo(tokens);
      AuthorityTest.verifies(
          authority.bundle(),
          SignedJWT.parse(
              new JwtSvidMinter(authority, clock)
                  .mint(
                      authority.bundle().trustDomain().withPath("/w"),
                      List.of("a"),
                      Instant.now().plusSeconds(60),
                      Optional.empty())
                  .token()));
    }
  }

  private static Authority authority(SqliteDatabase database, Path state, InstantSource clock) {
    return Authority.open(
        TrustDomain.parse("test.example"),
        database,
        TestAudit.of(database, state),
        new KeyFiles(state.resolve("issuer/keys")),
        Signatures.fastest(),
        new RotationSchedule(LIFE, LIFE),
        clock);
  }
}
