package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.testing.SeraiChild;
import dev.serai.testing.SwTpm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A database that is held by somebody else at start is waited for; nothing ends, nobody helps. */
@Tag("slow")
class DatabaseAwayTest {
  @TempDir Path dir;

  @Test
  void a_process_whose_database_is_away_at_start_waits_and_then_becomes_ready() throws Exception {
    try (SwTpm tpm = SwTpm.fresh();
        SeraiChild serai = new SeraiChild(dir).withTpm(tpm)) {
      Files.createDirectories(serai.stateDir());
      Path file = serai.stateDir().resolve("serai.db");
      try (Connection holder = DriverManager.getConnection("jdbc:sqlite:" + file);
          Statement statement = holder.createStatement()) {
        statement.execute("PRAGMA locking_mode=EXCLUSIVE");
        statement.execute("CREATE TABLE held(x INTEGER)");
        statement.execute("BEGIN EXCLUSIVE");
        serai.start();
        await("it says what it waits for")
            .atMost(Duration.ofSeconds(60))
            .until(
                () -> Files.readString(serai.log()).contains("waiting code=DATABASE_UNAVAILABLE"));
        assertThat(serai.isAlive()).isTrue();
        await().until(() -> serai.get("/health/live") == 200);
        await().until(() -> serai.get("/health/ready") == 503);
        statement.execute("ROLLBACK");
        statement.execute("DROP TABLE held");
      }
      await("ready").atMost(Duration.ofSeconds(60)).until(() -> serai.get("/health/ready") == 200);
    }
  }
}
