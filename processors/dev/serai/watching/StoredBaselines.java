package dev.serai.watching;

import dev.serai.appraisal.AppraisalJson;
import dev.serai.appraisal.Baseline;
import dev.serai.appraisal.BaselineStore;
import dev.serai.store.Database;
import dev.serai.store.DatabaseException;
import dev.serai.tpm.wire.MalformedStructureException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/** Baselines in the verifier's database. */
final class StoredBaselines implements BaselineStore {
  private final Database database;

  StoredBaselines(Database database) {
    this.database = database;
  }

  @Override
  public Baseline load(String nodeId) {
    return database.read(
        connection -> {
          try (PreparedStatement select =
              connection.prepareStatement(
                  "SELECT baseline FROM verifier_baseline WHERE node_id = ?")) {
            select.setString(1, nodeId);
            try (ResultSet row = select.executeQuery()) {
              return row.next() ? parse(row.getString(1)) : Baseline.NONE;
            }
          }
        });
  }

  private static Baseline parse(String json) {
    try {
      return AppraisalJson.readBaseline(json);
    } catch (MalformedStructureException e) {
      throw new DatabaseException("a stored baseline cannot be read", e);
    }
  }

  @Override
  public void save(String nodeId, Baseline baseline) {
    // The verdict that it belongs to is recorded next.
    database.writeStep(
        connection -> {
          save(connection, nodeId, baseline);
          return nodeId;
        });
  }

  static void save(Connection connection, String nodeId, Baseline baseline) throws SQLException {
    String json = AppraisalJson.write(baseline);
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE verifier_baseline SET baseline = ? WHERE node_id = ?")) {
      update.setString(1, json);
      update.setString(2, nodeId);
      if (update.executeUpdate() == 1) {
        return;
      }
    }
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO verifier_baseline (node_id, baseline) VALUES (?, ?)")) {
      insert.setString(1, nodeId);
      insert.setString(2, json);
      insert.executeUpdate();
    }
  }

  static void forget(Connection connection, String nodeId) throws SQLException {
    try (PreparedStatement delete =
        connection.prepareStatement("DELETE FROM verifier_baseline WHERE node_id = ?")) {
      delete.setString(1, nodeId);
      delete.executeUpdate();
    }
  }
}
