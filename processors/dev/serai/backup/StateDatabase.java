package dev.serai.backup;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.sqlite.SQLiteConfig;

/** What backup and restore ask of a database file, whatever its schema's version. */
final class StateDatabase {
  private static final int BUSY_TIMEOUT_MS = 10_000;

  private StateDatabase() {}

  /** A copy as of one moment, whole, while others write. */
  static void snapshot(Path database, Path copy) throws SQLException {
    try (Connection connection = open(database);
        PreparedStatement vacuum = connection.prepareStatement("VACUUM INTO ?")) {
      vacuum.setString(1, copy.toAbsolutePath().toString());
      vacuum.execute();
    }
  }

  private static Connection open(Path database) throws SQLException {
    SQLiteConfig config = new SQLiteConfig();
    config.setBusyTimeout(BUSY_TIMEOUT_MS);
    return config.createConnection("jdbc:sqlite:" + database.toAbsolutePath());
  }

  /** Authorities whose key is still needed. */
  static Set<String> signingAuthorities(Path database) throws SQLException {
    return new HashSet<>(
        texts(
            database, "issuer_authority", "SELECT id FROM issuer_authority WHERE state <> 'OLD'"));
  }

  static String schema(Path database) throws SQLException {
    List<String> versions =
        texts(
            database,
            "flyway_schema_history",
            "SELECT version FROM flyway_schema_history WHERE success = 1 AND version IS NOT NULL"
                + " ORDER BY installed_rank DESC LIMIT 1");
    return versions.isEmpty() ? "" : versions.get(0);
  }

  static String trustDomain(Path database) throws SQLException {
    List<String> names =
        texts(
            database,
            "audit_segment",
            "SELECT trust_domain FROM audit_segment ORDER BY first_sequence DESC LIMIT 1");
    return names.isEmpty() ? "" : names.get(0);
  }

  /** What SQLite itself finds wrong; empty when nothing is. */
  static Optional<String> damage(Path database) {
    try {
      List<String> said = texts(database, "sqlite_master", "PRAGMA integrity_check");
      return said.equals(List.of("ok")) ? Optional.empty() : Optional.of(said.get(0));
    } catch (SQLException e) {
      return Optional.of(e.getMessage());
    }
  }

  /** Bans, as statements that make them again. */
  record Bans(List<String> nodeTpms, List<List<String>> registrarTpms, List<String> agents) {
    static final Bans NONE = new Bans(List.of(), List.of(), List.of());

    boolean isEmpty() {
      return nodeTpms.isEmpty() && registrarTpms.isEmpty() && agents.isEmpty();
    }
  }

  /**
   * @throws SQLException also for a database that has no place for bans: it is not one of ours
   */
  static Bans bans(Path database) throws SQLException {
    if (texts(
            database,
            "sqlite_master",
            "SELECT name FROM sqlite_master WHERE name IN ('issuer_ek_ban', 'registrar_ban')")
        .isEmpty()) {
      throw new SQLException("it has no tables of bans");
    }
    List<List<String>> registrar = new ArrayList<>();
    for (String both :
        texts(database, "registrar_ban", "SELECT ek_key || ' ' || ek_name FROM registrar_ban")) {
      registrar.add(List.of(both.split(" ", 2)));
    }
    return new Bans(
        texts(database, "issuer_ek_ban", "SELECT ek_name FROM issuer_ek_ban"),
        registrar,
        texts(database, "issuer_node", "SELECT spiffe_id FROM issuer_node WHERE banned = 1"));
  }

  /**
   * Where a log comes from.
   *
   * @param segments the sequence each chain begins with, by its id
   * @param last the sequence it ends with; 0 without records
   */
  record Lineage(Map<String, Long> segments, long last) {
    static final Lineage NONE = new Lineage(Map.of(), 0);

    /**
     * Does a log with this lineage go on where the other one ends? A chain is left only at a
     * restore or a break, where a new one begins; so the other's last chain must be in it, and not
     * be left before the other's end.
     */
    boolean continues(Lineage other) {
      if (other.last == 0 || last < other.last) {
        return false;
      }
      String chain =
          other.segments.entrySet().stream()
              .max(Map.Entry.comparingByValue())
              .map(Map.Entry::getKey)
              .orElse("");
      Long first = segments.get(chain);
      return first != null
          && segments.values().stream().noneMatch(s -> s > first && s <= other.last);
    }
  }

  static Lineage lineage(Path database) throws SQLException {
    Map<String, Long> segments = new HashMap<>();
    for (String both :
        texts(
            database,
            "audit_segment",
            "SELECT first_sequence || ' ' || chain_id FROM audit_segment")) {
      String[] parts = both.split(" ", 2);
      segments.put(parts[1], Long.parseLong(parts[0]));
    }
    List<String> last =
        texts(database, "audit_record", "SELECT COALESCE(MAX(sequence), 0) FROM audit_record");
    return new Lineage(segments, last.isEmpty() ? 0 : Long.parseLong(last.get(0)));
  }

  /** The agents there are, banned ones too. */
  static Set<String> agents(Path database) throws SQLException {
    return new HashSet<>(texts(database, "issuer_node", "SELECT spiffe_id FROM issuer_node"));
  }

  private static List<String> texts(Path database, String table, String sql) throws SQLException {
    try (Connection connection = open(database);
        Statement statement = connection.createStatement()) {
      boolean present = table.equals("sqlite_master");
      if (!present) {
        try (ResultSet found =
            connection.getMetaData().getTables(null, null, table, new String[] {"TABLE"})) {
          present = found.next();
        }
      }
      List<String> texts = new ArrayList<>();
      if (present) {
        try (ResultSet row = statement.executeQuery(sql)) {
          while (row.next()) {
            texts.add(row.getString(1));
          }
        }
      }
      return texts;
    }
  }
}
