package dev.serai.watching;

import dev.serai.appraisal.Baseline;
import dev.serai.appraisal.StateReport;
import dev.serai.appraisal.StateReport.State;
import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.store.Database;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * The watch list. Each change of a node reads and writes its row in one transaction. A node is
 * taken by lease, so that several verifiers may share one list, and what a dead one had taken comes
 * back when its lease is over.
 */
final class WatchStore {
  private static final Duration FIRST_REPORT_WAIT = Duration.ofSeconds(1);
  private static final Duration LONGEST_REPORT_WAIT = Duration.ofSeconds(15);

  /** Clocks of several verifiers may differ by this. */
  private static final Duration CLOCK_SKEW = Duration.ofMinutes(1);

  private final Database database;
  private final Audit audit;
  private final String owner;

  /**
   * @param owner this verifier, unlike every other one
   */
  WatchStore(Database database, Audit audit, String owner) {
    this.database = database;
    this.audit = audit;
    this.owner = owner;
  }

  /** Takes nodes whose time has come, those that waited longest first. */
  List<WatchTask> takeDue(Instant now, Duration lease, int limit) {
    if (limit <= 0 || !anyDue(now)) {
      return List.of();
    }
    return database.write(
        connection -> {
          List<WatchTask> taken = new ArrayList<>();
          try (PreparedStatement select =
              connection.prepareStatement(
                  "SELECT node_id, generation FROM verifier_node WHERE gone = 0 AND due_at <= ?"
                      + " AND (lease_until IS NULL OR lease_until <= ?)"
                      + " ORDER BY due_at LIMIT ?")) {
            select.setLong(1, now.toEpochMilli());
            select.setLong(2, now.toEpochMilli());
            select.setInt(3, limit);
            try (ResultSet rows = select.executeQuery()) {
              while (rows.next()) {
                taken.add(new WatchTask(rows.getString(1), rows.getLong(2)));
              }
            }
          }
          for (WatchTask task : taken) {
            lease(connection, task, now.plus(lease));
          }
          return taken;
        });
  }

  /**
   * Times that cannot be, because the clock was ahead when they were written, become now: or nodes
   * would not be asked, and would stay proven without being asked, until that time comes. Answers
   * whether there were any.
   */
  boolean bringBack(Instant now, Duration longestWait, Duration lease) {
    long skewed = now.plus(CLOCK_SKEW).toEpochMilli();
    long[] latest = {
      skewed,
      now.plus(longestWait).toEpochMilli(),
      now.plus(lease).plus(CLOCK_SKEW).toEpochMilli(),
      skewed
    };
    boolean any =
        database.read(
            connection -> {
              try (PreparedStatement select =
                  connection.prepareStatement(
                      "SELECT 1 FROM verifier_node WHERE proven_at > ? OR due_at > ?"
                          + " OR lease_until > ? OR report_due > ? LIMIT 1")) {
                for (int i = 0; i < latest.length; i++) {
                  select.setLong(i + 1, latest[i]);
                }
                try (ResultSet row = select.executeQuery()) {
                  return row.next();
                }
              }
            });
    if (!any) {
      return false;
    }
    return database.write(
        connection -> {
          bringBack(connection, "proven_at", latest[0], now);
          bringBack(connection, "due_at", latest[1], now);
          bringBack(connection, "lease_until", latest[2], now);
          bringBack(connection, "report_due", latest[3], now);
          return true;
        });
  }

  private static void bringBack(Connection connection, String column, long latest, Instant now)
      throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE verifier_node SET " + column + " = ? WHERE " + column + " > ?")) {
      update.setLong(1, now.toEpochMilli());
      update.setLong(2, latest);
      update.executeUpdate();
    }
  }

  private boolean anyDue(Instant now) {
    return database.read(
        connection -> {
          try (PreparedStatement select =
              connection.prepareStatement(
                  "SELECT 1 FROM verifier_node WHERE gone = 0 AND due_at <= ?"
                      + " AND (lease_until IS NULL OR lease_until <= ?) LIMIT 1")) {
            select.setLong(1, now.toEpochMilli());
            select.setLong(2, now.toEpochMilli());
            try (ResultSet row = select.executeQuery()) {
              return row.next();
            }
          }
        });
  }

  private void lease(Connection connection, WatchTask task, Instant until) throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE verifier_node SET lease_owner = ?, lease_until = ? WHERE node_id = ?")) {
      update.setString(1, owner);
      update.setLong(2, until.toEpochMilli());
      update.setString(3, task.nodeId());
      update.executeUpdate();
    }
  }

  /** Puts a node that has just attested on the list, or brings its row up to date. */
  void attested(
      String nodeId, AuditEvent event, Function<Optional<WatchedNode>, WatchedNode> rule) {
    database.write(
        connection -> {
          Optional<WatchedNode> before = find(connection, nodeId);
          WatchedNode after = rule.apply(before);
          if (before.isPresent()) {
            update(connection, after);
          } else {
            insert(connection, after);
          }
          audit.append(connection, event);
          recordMove(connection, before, after);
          return after;
        });
  }

  /**
   * Changes a node by what was found, unless it has attested since: then that counts. The lease is
   * given back. Answers whether the finding counted.
   *
   * @param baseline what the next appraisal compares with, if this one was accepted
   * @param event recorded together with it, if there was anything to judge
   */
  boolean settle(
      WatchTask task,
      String breaker,
      Optional<Baseline> baseline,
      Optional<AuditEvent> event,
      UnaryOperator<WatchedNode> rule) {
    return database.write(
        connection -> {
          Optional<WatchedNode> before = find(connection, task.nodeId());
          if (before.isEmpty() || before.get().generation() != task.generation()) {
            return false;
          }
          WatchedNode after = rule.apply(before.get());
          if (after.gone()) {
            StoredBaselines.forget(connection, task.nodeId());
            StoredLocations.forget(connection, task.nodeId());
          } else if (baseline.isPresent()) {
            StoredBaselines.save(connection, task.nodeId(), baseline.get());
          }
          if (after.gone() && after.report().isEmpty()) {
            delete(connection, task.nodeId());
          } else {
            update(connection, withBreaker(after, breaker));
          }
          if (event.isPresent()) {
            audit.append(connection, event.get().with("state", after.state().name()));
          }
          recordMove(connection, before, after);
          return true;
        });
  }

  /** A change of state or of what the issuer is told has a record of its own. */
  private void recordMove(Connection connection, Optional<WatchedNode> before, WatchedNode after)
      throws SQLException {
    boolean same =
        before
            .filter(node -> node.state() == after.state() && node.reported() == after.reported())
            .isPresent();
    if (!same) {
      audit.append(
          connection,
          AuditEvent.of(AuditKind.NODE_STATE, after.nodeId())
              .because(after.reasons())
              .with("state", after.state().name())
              .with("was", before.map(node -> node.state().name()).orElse(""))
              .with("told", after.reported().name()));
    }
  }

  /** Applies a rule to every node it changes: those for which it answers something. */
  int changeAll(Function<WatchedNode, Optional<WatchedNode>> rule, Instant provenBefore) {
    List<WatchedNode> candidates =
        database.read(connection -> trustedAndNotProvenSince(connection, provenBefore));
    if (candidates.isEmpty()) {
      return 0;
    }
    return database.write(
        connection -> {
          int changed = 0;
          for (WatchedNode candidate : trustedAndNotProvenSince(connection, provenBefore)) {
            Optional<WatchedNode> after = rule.apply(candidate);
            if (after.isPresent()) {
              update(connection, after.get());
              recordMove(connection, Optional.of(candidate), after.get());
              changed++;
            }
          }
          return changed;
        });
  }

  private static List<WatchedNode> trustedAndNotProvenSince(Connection connection, Instant since)
      throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT * FROM verifier_node WHERE gone = 0 AND reported = ? AND proven_at <= ?")) {
      select.setString(1, State.TRUSTED.name());
      select.setLong(2, since.toEpochMilli());
      return nodes(select);
    }
  }

  Optional<WatchedNode> find(String nodeId) {
    return database.read(connection -> find(connection, nodeId));
  }

  /** All, by id. */
  List<WatchedNode> all() {
    return database.read(
        connection -> {
          try (PreparedStatement select =
              connection.prepareStatement("SELECT * FROM verifier_node ORDER BY node_id")) {
            return nodes(select);
          }
        });
  }

  /**
   * The list in figures.
   *
   * @param counts nodes by state; states without a node are 0
   * @param oldestProof of the trusted nodes
   * @param longestDue of the nodes that nobody looks at now
   * @param reports that the issuer has not confirmed
   */
  record Figures(
      Map<State, Integer> counts,
      Optional<Instant> oldestProof,
      Optional<Instant> longestDue,
      int reports) {}

  Figures figures(Instant now) {
    return database.read(
        connection -> {
          try (PreparedStatement select =
              connection.prepareStatement(
                  "SELECT MIN(CASE WHEN gone = 0 AND state = 'TRUSTED' THEN proven_at END),"
                      + " MIN(CASE WHEN gone = 0 AND (lease_until IS NULL OR lease_until <= ?)"
                      + " THEN due_at END), COUNT(report) FROM verifier_node")) {
            select.setLong(1, now.toEpochMilli());
            try (ResultSet row = select.executeQuery()) {
              row.next();
              return new Figures(
                  counts(connection), instant(row, 1), instant(row, 2), row.getInt(3));
            }
          }
        });
  }

  private static Optional<Instant> instant(ResultSet row, int column) throws SQLException {
    long millis = row.getLong(column);
    return row.wasNull() ? Optional.empty() : Optional.of(Instant.ofEpochMilli(millis));
  }

  private static Map<State, Integer> counts(Connection connection) throws SQLException {
    Map<State, Integer> counts = new EnumMap<>(State.class);
    for (State state : State.values()) {
      counts.put(state, 0);
    }
    try (PreparedStatement select =
            connection.prepareStatement(
                "SELECT state, COUNT(*) FROM verifier_node GROUP BY state");
        ResultSet rows = select.executeQuery()) {
      while (rows.next()) {
        counts.put(State.valueOf(rows.getString(1)), rows.getInt(2));
      }
    }
    return counts;
  }

  /** The undelivered report of one node; the next try of it is put off. */
  Optional<PendingReport> takeReport(String nodeId, Instant now) {
    boolean pending =
        database.read(
            connection -> find(connection, nodeId).flatMap(WatchedNode::report).isPresent());
    if (!pending) {
      return Optional.empty();
    }
    return database.write(
        connection -> {
          Optional<WatchedNode> node = find(connection, nodeId);
          if (node.isEmpty() || node.get().report().isEmpty()) {
            return Optional.empty();
          }
          if (!isReportDue(connection, nodeId, now)) {
            return Optional.empty();
          }
          putOff(connection, nodeId, now);
          return Optional.of(
              new PendingReport(node.get().reportNumber(), node.get().report().get()));
        });
  }

  /** Nodes with an undelivered report whose time has come. */
  List<String> reportsDue(Instant now, int limit) {
    return database.read(
        connection -> {
          List<String> ids = new ArrayList<>();
          try (PreparedStatement select =
              connection.prepareStatement(
                  "SELECT node_id FROM verifier_node WHERE report IS NOT NULL"
                      + " AND (report_due IS NULL OR report_due <= ?)"
                      + " ORDER BY report_due LIMIT ?")) {
            select.setLong(1, now.toEpochMilli());
            select.setInt(2, limit);
            try (ResultSet rows = select.executeQuery()) {
              while (rows.next()) {
                ids.add(rows.getString(1));
              }
            }
          }
          return ids;
        });
  }

  /** Not while somebody delivers it, nor before its pause after a failure is over. */
  private static boolean isReportDue(Connection connection, String nodeId, Instant now)
      throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT 1 FROM verifier_node WHERE node_id = ?"
                + " AND (report_due IS NULL OR report_due <= ?)")) {
      select.setString(1, nodeId);
      select.setLong(2, now.toEpochMilli());
      try (ResultSet row = select.executeQuery()) {
        return row.next();
      }
    }
  }

  private static void putOff(Connection connection, String nodeId, Instant now)
      throws SQLException {
    int tries;
    try (PreparedStatement select =
        connection.prepareStatement("SELECT report_tries FROM verifier_node WHERE node_id = ?")) {
      select.setString(1, nodeId);
      try (ResultSet row = select.executeQuery()) {
        tries = row.next() ? row.getInt(1) : 0;
      }
    }
    Duration wait = FIRST_REPORT_WAIT;
    for (int i = 0; i < tries && wait.compareTo(LONGEST_REPORT_WAIT) < 0; i++) {
      wait = wait.multipliedBy(2);
    }
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE verifier_node SET report_due = ?, report_tries = report_tries + 1"
                + " WHERE node_id = ?")) {
      update.setLong(1, now.plus(wait).toEpochMilli());
      update.setString(2, nodeId);
      update.executeUpdate();
    }
  }

  /** The issuer has the report; a later one of the same node stays. */
  void delivered(PendingReport report) {
    database.write(
        connection -> {
          String nodeId = report.report().nodeId();
          Optional<WatchedNode> node = find(connection, nodeId);
          if (node.isEmpty() || node.get().reportNumber() != report.number()) {
            return false;
          }
          if (node.get().gone()) {
            delete(connection, nodeId);
            return true;
          }
          try (PreparedStatement update =
              connection.prepareStatement(
                  "UPDATE verifier_node SET report = NULL, report_due = NULL, report_tries = 0"
                      + " WHERE node_id = ?")) {
            update.setString(1, nodeId);
            return update.executeUpdate() == 1;
          }
        });
  }

  private static Optional<WatchedNode> find(Connection connection, String nodeId)
      throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement("SELECT * FROM verifier_node WHERE node_id = ?")) {
      select.setString(1, nodeId);
      return nodes(select).stream().findFirst();
    }
  }

  private static void insert(Connection connection, WatchedNode node) throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO verifier_node (state, reasons, state_at, proven_at, proven_pcrs, failures,"
                + " breaker, due_at, generation, gone, reported, report, report_no, report_due,"
                + " report_tries, node_id)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 0, ?)")) {
      fill(insert, node);
      insert.executeUpdate();
    }
  }

  private static void update(Connection connection, WatchedNode node) throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE verifier_node SET state = ?, reasons = ?, state_at = ?, proven_at = ?,"
                + " proven_pcrs = ?, failures = ?, breaker = ?, due_at = ?, generation = ?,"
                + " gone = ?, reported = ?, report = ?,"
                + " report_due = CASE WHEN report_no = ? THEN report_due ELSE NULL END,"
                + " report_tries = CASE WHEN report_no = ? THEN report_tries ELSE 0 END,"
                + " report_no = ?, lease_owner = NULL, lease_until = NULL WHERE node_id = ?")) {
      fill(update, node);
      // report_no stands three times here, and the id comes last
      update.setLong(14, node.reportNumber());
      update.setLong(15, node.reportNumber());
      update.setString(16, node.nodeId());
      update.executeUpdate();
    }
  }

  private static void fill(PreparedStatement statement, WatchedNode node) throws SQLException {
    statement.setString(1, node.state().name());
    statement.setString(2, WatchJson.reasons(node.reasons()));
    statement.setLong(3, node.stateAt().toEpochMilli());
    statement.setLong(4, node.provenAt().toEpochMilli());
    statement.setString(5, WatchJson.texts(node.provenPcrs()));
    statement.setInt(6, node.failures());
    statement.setString(7, node.breaker());
    statement.setLong(8, node.dueAt().toEpochMilli());
    statement.setLong(9, node.generation());
    statement.setInt(10, node.gone() ? 1 : 0);
    statement.setString(11, node.reported().name());
    if (node.report().isPresent()) {
      statement.setString(12, WatchJson.report(node.report().get()));
    } else {
      statement.setNull(12, Types.VARCHAR);
    }
    statement.setLong(13, node.reportNumber());
    statement.setString(14, node.nodeId());
  }

  private static void delete(Connection connection, String nodeId) throws SQLException {
    try (PreparedStatement delete =
        connection.prepareStatement("DELETE FROM verifier_node WHERE node_id = ?")) {
      delete.setString(1, nodeId);
      delete.executeUpdate();
    }
  }

  private static List<WatchedNode> nodes(PreparedStatement select) throws SQLException {
    List<WatchedNode> nodes = new ArrayList<>();
    try (ResultSet rows = select.executeQuery()) {
      while (rows.next()) {
        nodes.add(node(rows));
      }
    }
    return nodes;
  }

  private static WatchedNode node(ResultSet row) throws SQLException {
    String nodeId = row.getString("node_id");
    Optional<StateReport> report =
        Optional.ofNullable(row.getString("report")).map(json -> WatchJson.report(nodeId, json));
    return new WatchedNode(
        nodeId,
        State.valueOf(row.getString("state")),
        WatchJson.reasons(row.getString("reasons")),
        Instant.ofEpochMilli(row.getLong("state_at")),
        Instant.ofEpochMilli(row.getLong("proven_at")),
        WatchJson.texts(row.getString("proven_pcrs")),
        row.getInt("failures"),
        row.getString("breaker"),
        Instant.ofEpochMilli(row.getLong("due_at")),
        row.getLong("generation"),
        row.getInt("gone") == 1,
        State.valueOf(row.getString("reported")),
        report,
        row.getLong("report_no"));
  }

  private static WatchedNode withBreaker(WatchedNode node, String breaker) {
    return new WatchedNode(
        node.nodeId(),
        node.state(),
        node.reasons(),
        node.stateAt(),
        node.provenAt(),
        node.provenPcrs(),
        node.failures(),
        breaker,
        node.dueAt(),
        node.generation(),
        node.gone(),
        node.reported(),
        node.report(),
        node.reportNumber());
  }
}
