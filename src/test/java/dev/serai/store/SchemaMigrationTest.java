package dev.serai.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A database of the first schema that was released, with rows in every table. */
class SchemaMigrationTest {
  private static final Path FIRST = Path.of("src/test/resources/fixtures/serai/schema-v3/serai.db");
  private static final List<String> TABLES =
      List.of(
          "registrar_node",
          "registrar_challenge",
          "registrar_ek",
          "registrar_ban",
          "verifier_node",
          "verifier_baseline",
          "issuer_authority",
          "issuer_bundle",
          "issuer_entry",
          "issuer_node",
          "issuer_standing",
          "issuer_ek_ban",
          "issuer_join_token",
          "issuer_challenge");

  @TempDir Path directory;
  private Path file;

  @BeforeEach
  void copy() throws Exception {
    file = directory.resolve("serai.db");
    Files.copy(FIRST, file);
  }

  /** How many columns each table has in the first schema; later ones come behind. */
  private final Map<String, Integer> columns = new TreeMap<>();

  private Map<String, List<String>> rows() throws SQLException {
    Map<String, List<String>> all = new TreeMap<>();
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
        Statement select = connection.createStatement()) {
      for (String table : TABLES) {
        List<String> rows = new ArrayList<>();
        try (ResultSet row = select.executeQuery("SELECT * FROM " + table)) {
          int first = columns.computeIfAbsent(table, t -> count(row));
          while (row.next()) {
            List<String> cells = new ArrayList<>();
            for (int column = 1; column <= first; column++) {
              Object cell = row.getObject(column);
              String name = row.getMetaData().getColumnName(column);
              cells.add(
                  name
                      + "="
                      + (cell instanceof byte[] bytes ? HexFormat.of().formatHex(bytes) : cell));
            }
            rows.add(cells.toString());
          }
        }
        rows.sort(null);
        all.put(table, rows);
      }
    }
    return all;
  }

  private static int count(ResultSet row) {
    try {
      return row.getMetaData().getColumnCount();
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void the_first_schema_is_brought_up_to_date_with_every_row_kept() throws Exception {
    Map<String, List<String>> before = rows();
    before.forEach((table, rows) -> assertThat(rows).as(table).isNotEmpty());
    SqliteDatabase.open(file).close();
    assertThat(rows()).isEqualTo(before);
    SqliteDatabase.open(file).close(); // and once more
    assertThat(rows()).isEqualTo(before);
  }

  @Test
  void a_schema_of_a_later_version_is_refused_and_left_alone() throws Exception {
    SqliteDatabase.open(file).close();
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
        Statement insert = connection.createStatement()) {
      insert.executeUpdate(
          "INSERT INTO flyway_schema_history (installed_rank, version, description, type, script,"
              + " checksum, installed_by, execution_time, success) VALUES (99, '99', 'later',"
              + " 'SQL', 'V99__later.sql', 1, '', 1, 1)");
    }
    Map<String, List<String>> before = rows();
    assertThatThrownBy(() -> SqliteDatabase.open(file))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> {
              assertThat(e.reason().code()).isEqualTo(ReasonCode.SCHEMA_TOO_NEW);
              assertThat(e.reason().detail()).contains("99", "later");
            });
    assertThat(rows()).isEqualTo(before);
  }
}
