package dev.serai.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SqliteDatabaseTest {
  @TempDir Path dir;
  private Database database;

  @BeforeEach
  void open() {
    database = SqliteDatabase.open(dir.resolve("serai.db"), "classpath:store-test");
  }

  @AfterEach
  void close() {
    database.close();
  }

  @Test
  void the_files_belong_to_their_user_alone() throws Exception {
    insert("a");
    try (var files = Files.list(dir)) {
      assertThat(files)
          .isNotEmpty()
          .allSatisfy(
              file ->
                  assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                      .as(file.toString())
                      .isEqualTo("rw-------"));
    }
  }

  @Test
  void a_commit_is_synced_and_foreign_keys_hold() {
    assertThat(pragma("journal_mode")).isEqualTo("wal");
    assertThat(pragma("synchronous")).isEqualTo("2");
    assertThat(pragma("foreign_keys")).isEqualTo("1");
  }

  @Test
  void a_step_is_not_synced_and_the_write_after_it_is() {
    List<String> levels = new ArrayList<>();
    Database.Work<Integer> look =
        c -> {
          levels.add(level(c));
          return execute(c, "INSERT INTO note(text) VALUES ('a')");
        };
    database.writeStep(look);
    assertThat(texts()).hasSize(1);
    database.writeStep(look);
    database.write(look);
    database.write(c -> database.writeStep(look)); // part of a write, and synced with it
    assertThatThrownBy(
            () ->
                database.writeStep(
                    c -> {
                      levels.add(level(c));
                      return execute(c, "INSERT INTO nowhere VALUES (1)");
                    }))
        .isInstanceOf(DatabaseException.class);
    database.write(look);
    assertThat(levels).containsExactly("1", "1", "2", "2", "1", "2");
    assertThat(texts()).hasSize(5);
  }

  private static String level(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("PRAGMA synchronous")) {
      row.next();
      return row.getString(1);
    }
  }

  @Test
  void nothing_that_counts_may_rest_on_a_step() {
    assertThatThrownBy(
            () ->
                database.writeStep(
                    c -> database.write(d -> execute(d, "INSERT INTO note(text) VALUES ('a')"))))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("inside a step");
    assertThatThrownBy(
            () ->
                database.writeStep(
                    c -> {
                      database.afterCommit(() -> {});
                      return execute(c, "INSERT INTO note(text) VALUES ('a')");
                    }))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("step alone");
    assertThatThrownBy(
            () ->
                database.read(
                    c ->
                        database.writeStep(d -> execute(d, "INSERT INTO note(text) VALUES ('a')"))))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("inside a read");
    assertThat(texts()).isEmpty();
    database.write(
        c -> {
          database.afterCommit(() -> {});
          return execute(c, "INSERT INTO note(text) VALUES ('kept')");
        });
    assertThat(texts()).containsExactly("kept");
  }

  @Test
  void a_throw_rolls_back() {
    assertThatThrownBy(
            () ->
                database.write(
                    c -> {
                      execute(c, "INSERT INTO note(text) VALUES ('lost')");
                      throw new IllegalStateException("no");
                    }))
        .isInstanceOf(IllegalStateException.class);
    assertThat(texts()).isEmpty();
  }

  @Test
  void an_action_after_a_commit_is_outside_of_it_and_may_write_itself() {
    List<String> seen = new ArrayList<>();
    database.write(
        c -> {
          execute(c, "INSERT INTO note(text) VALUES ('first')");
          database.afterCommit(
              () -> {
                seen.add("writing " + database.isWriting());
                seen.addAll(texts());
                database.write(
                    own -> {
                      database.afterCommit(() -> seen.add("own"));
                      return execute(own, "INSERT INTO note(text) VALUES ('second')");
                    });
              });
          database.afterCommit(() -> seen.add("next"));
          return null;
        });
    assertThat(seen).containsExactly("writing false", "first", "own", "next");
    assertThat(texts()).containsExactly("first", "second");
  }

  @Test
  void a_failed_statement_is_a_database_exception_and_leaves_nothing() {
    assertThatThrownBy(
            () ->
                database.write(
                    c -> {
                      execute(c, "INSERT INTO note(text) VALUES ('lost')");
                      return execute(c, "INSERT INTO nowhere VALUES (1)");
                    }))
        .isInstanceOf(DatabaseException.class);
    assertThat(texts()).isEmpty();
    insert("kept");
    assertThat(texts()).containsExactly("kept");
  }

  @Test
  void another_program_can_write_between_two_writes() throws Exception {
    insert("ours");
    try (Connection other = DriverManager.getConnection("jdbc:sqlite:" + dir.resolve("serai.db"));
        Statement statement = other.createStatement()) {
      statement.execute("PRAGMA busy_timeout = 0");
      statement.execute("INSERT INTO note(text) VALUES ('theirs')");
    }
    insert("ours again");
    assertThat(texts()).containsExactlyInAnyOrder("ours", "theirs", "ours again");
  }

  @Test
  void a_full_disk_loses_what_failed_and_nothing_else() {
    insert("before");
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(
              () ->
                  database.write(
                      c -> {
                        execute(c, "PRAGMA max_page_count = 20");
                        execute(c, "INSERT INTO note(text) VALUES ('lost')");
                        return execute(c, "INSERT INTO note(text) VALUES (hex(zeroblob(200000)))");
                      }))
          .isInstanceOf(DatabaseException.class)
          .hasMessageContaining("FULL");
    }
    assertThatThrownBy(
            () ->
                database.write(
                    c -> {
                      execute(c, "INSERT INTO note(text) VALUES ('lost too')");
                      throw new IllegalStateException("no");
                    }))
        .isInstanceOf(IllegalStateException.class);
    insert("after");
    assertThat(texts()).containsExactlyInAnyOrder("before", "after");
  }

  @Test
  void work_inside_a_write_joins_it_and_sees_its_rows() {
    List<String> seen =
        database.write(
            c -> {
              insert("outer");
              return texts();
            });
    assertThat(seen).containsExactly("outer");
  }

  @Test
  void a_write_inside_a_read_is_refused() {
    assertThatThrownBy(
            () ->
                database.read(
                    c -> {
                      insert("x");
                      return null;
                    }))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void many_threads_write_one_after_the_other() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<?>> done = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        String text = "n" + i;
        done.add(threads.submit(() -> insert(text)));
      }
      for (Future<?> one : done) {
        one.get();
      }
    } finally {
      threads.shutdownNow();
    }
    assertThat(texts()).hasSize(64);
  }

  private void insert(String text) {
    database.write(c -> execute(c, "INSERT INTO note(text) VALUES ('" + text + "')"));
  }

  private List<String> texts() {
    return database.read(SqliteDatabaseTest::texts);
  }

  static List<String> texts(Connection connection) throws SQLException {
    List<String> found = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("SELECT text FROM note ORDER BY id")) {
      while (rows.next()) {
        found.add(rows.getString(1));
      }
    }
    return found;
  }

  private String pragma(String name) {
    return database.read(
        c -> {
          try (Statement statement = c.createStatement();
              ResultSet rows = statement.executeQuery("PRAGMA " + name)) {
            rows.next();
            return rows.getString(1);
          }
        });
  }

  static int execute(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return statement.executeUpdate(sql);
    }
  }
}
