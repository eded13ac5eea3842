package dev.serai.watching;

import dev.serai.location.AttestedLocation;
import dev.serai.location.LocationReading;
import dev.serai.location.LocationRule;
import dev.serai.location.LocationStore;
import dev.serai.location.Trail;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.store.Database;
import dev.serai.tpm.Bytes;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Locations in the verifier's database. Devices are named by keyed hashes only. */
final class StoredLocations implements LocationStore {
  /** No location is proven for longer; what says so was written by a clock that was ahead. */
  private static final Duration LONGEST = Duration.ofDays(1);

  private final Database database;

  StoredLocations(Database database) {
    this.database = database;
  }

  /** What is known of a node. */
  private record Row(Optional<Trail> trail, Optional<Instant> validUntil, String refusal) {}

  @Override
  public Known known(String nodeId, List<Bytes> devices) {
    return database.read(
        connection -> {
          List<Trail> trails = new ArrayList<>();
          for (Bytes device : devices) {
            trailOf(connection, device).ifPresent(trails::add);
          }
          return new Known(row(connection, nodeId).flatMap(Row::trail), trails);
        });
  }

  private static Optional<Trail> trailOf(Connection connection, Bytes device) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT latitude, longitude, accuracy, taken_at, region FROM verifier_sensor"
                + " WHERE device = ?")) {
      select.setString(1, device.toHex());
      try (ResultSet row = select.executeQuery()) {
        return row.next() ? Optional.of(trail(row)) : Optional.empty();
      }
    }
  }

  private static Optional<Row> row(Connection connection, String nodeId) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT latitude, longitude, accuracy, taken_at, region, valid_until, refusal"
                + " FROM verifier_location WHERE node_id = ?")) {
      select.setString(1, nodeId);
      try (ResultSet row = select.executeQuery()) {
        if (!row.next()) {
          return Optional.empty();
        }
        long until = row.getLong("valid_until");
        boolean found = !row.wasNull();
        return Optional.of(
            new Row(
                found ? Optional.of(trail(row)) : Optional.empty(),
                found ? Optional.of(Instant.ofEpochMilli(until)) : Optional.empty(),
                row.getString("refusal")));
      }
    }
  }

  private static Trail trail(ResultSet row) throws SQLException {
    double latitude = row.getDouble("latitude");
    boolean placed = !row.wasNull();
    return new Trail(
        placed
            ? Optional.of(
                new LocationReading.Position(
                    latitude, row.getDouble("longitude"), row.getDouble("accuracy")))
            : Optional.empty(),
        Instant.ofEpochMilli(row.getLong("taken_at")),
        Optional.ofNullable(row.getString("region")));
  }

  @Override
  public Optional<String> hold(
      String nodeId, List<Bytes> devices, AttestedLocation location, Instant now) {
    // The verdict that it belongs to is recorded next.
    return database.writeStep(
        connection -> {
          for (Bytes device : devices) {
            Optional<String> other = otherHolder(connection, device, nodeId, now);
            if (other.isPresent()) {
              return other;
            }
          }
          for (Bytes device : devices) {
            saveDevice(connection, device, nodeId, location);
          }
          saveNode(connection, nodeId, location);
          return Optional.empty();
        });
  }

  private static Optional<String> otherHolder(
      Connection connection, Bytes device, String nodeId, Instant now) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT node_id FROM verifier_sensor WHERE device = ? AND node_id <> ?"
                + " AND valid_until > ? AND valid_until <= ?")) {
      select.setString(1, device.toHex());
      select.setString(2, nodeId);
      select.setLong(3, now.toEpochMilli());
      select.setLong(4, now.plus(LONGEST).toEpochMilli());
      try (ResultSet row = select.executeQuery()) {
        return row.next() ? Optional.of(row.getString(1)) : Optional.empty();
      }
    }
  }

  private static void saveDevice(
      Connection connection, Bytes device, String nodeId, AttestedLocation location)
      throws SQLException {
    try (PreparedStatement upsert =
        connection.prepareStatement(
            "INSERT INTO verifier_sensor (device, latitude, longitude, accuracy, taken_at, region,"
                + " valid_until, node_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                + " ON CONFLICT (device) DO UPDATE SET latitude = excluded.latitude,"
                + " longitude = excluded.longitude, accuracy = excluded.accuracy,"
                + " taken_at = excluded.taken_at, region = excluded.region,"
                + " valid_until = excluded.valid_until, node_id = excluded.node_id")) {
      upsert.setString(1, device.toHex());
      place(upsert, 2, location);
      upsert.setString(8, nodeId);
      upsert.executeUpdate();
    }
  }

  private static void saveNode(Connection connection, String nodeId, AttestedLocation location)
      throws SQLException {
    try (PreparedStatement upsert =
        connection.prepareStatement(
            "INSERT INTO verifier_location (node_id, latitude, longitude, accuracy, taken_at,"
                + " region, valid_until, refusal) VALUES (?, ?, ?, ?, ?, ?, ?, '')"
                + " ON CONFLICT (node_id) DO UPDATE SET latitude = excluded.latitude,"
                + " longitude = excluded.longitude, accuracy = excluded.accuracy,"
                + " taken_at = excluded.taken_at, region = excluded.region,"
                + " valid_until = excluded.valid_until, refusal = ''")) {
      upsert.setString(1, nodeId);
      place(upsert, 2, location);
      upsert.executeUpdate();
    }
  }

  /** Six parameters. */
  private static void place(PreparedStatement statement, int first, AttestedLocation location)
      throws SQLException {
    Optional<LocationReading.Position> position = location.reading().position();
    if (position.isPresent()) {
      statement.setDouble(first, position.get().latitude());
      statement.setDouble(first + 1, position.get().longitude());
      statement.setDouble(first + 2, position.get().accuracyMetres());
    } else {
      for (int i = 0; i < 3; i++) {
        statement.setNull(first + i, Types.DOUBLE);
      }
    }
    statement.setLong(first + 3, location.reading().takenAt().toEpochMilli());
    if (location.region().isPresent()) {
      statement.setString(first + 4, location.region().get());
    } else {
      statement.setNull(first + 4, Types.VARCHAR);
    }
    statement.setLong(first + 5, location.validUntil().toEpochMilli());
  }

  @Override
  public void passed(String nodeId) {
    if (!database.read(connection -> row(connection, nodeId)).isPresent()) {
      return;
    }
    database.write(
        connection -> {
          // Where it was stays, for the speed of its next reading; that it is there is over.
          try (PreparedStatement update =
              connection.prepareStatement(
                  "UPDATE verifier_location SET refusal = '', valid_until ="
                      + " CASE WHEN valid_until IS NULL THEN NULL ELSE 0 END WHERE node_id = ?")) {
            update.setString(1, nodeId);
            update.executeUpdate();
          }
          return nodeId;
        });
  }

  @Override
  public void refused(String nodeId, Reason reason, Instant now) {
    String refusal = reason.code() + " " + reason.detail();
    database.write(
        connection -> {
          try (PreparedStatement upsert =
              connection.prepareStatement(
                  "INSERT INTO verifier_location (node_id, refusal) VALUES (?, ?)"
                      + " ON CONFLICT (node_id) DO UPDATE SET refusal = excluded.refusal")) {
            upsert.setString(1, nodeId);
            upsert.setString(2, refusal);
            upsert.executeUpdate();
          }
          // A node that is watched loses its standing with its next quote: now.
          try (PreparedStatement update =
              connection.prepareStatement(
                  "UPDATE verifier_node SET due_at = ? WHERE node_id = ? AND due_at > ?"
                      + " AND state = 'TRUSTED'")) {
            update.setLong(1, now.toEpochMilli());
            update.setString(2, nodeId);
            update.setLong(3, now.toEpochMilli());
            update.executeUpdate();
          }
          return nodeId;
        });
  }

  /** Why a node whose quote is well is not to be trusted by its location; empty when it is. */
  Optional<Reason> lacking(String nodeId, LocationRule rule, Instant now) {
    Optional<Row> row = database.read(connection -> row(connection, nodeId));
    Optional<Reason> refusal =
        row.map(Row::refusal).filter(text -> !text.isEmpty()).map(StoredLocations::reason);
    if (refusal.isPresent() || rule.need() != LocationRule.Need.REQUIRED) {
      return refusal;
    }
    Optional<Instant> until = row.flatMap(Row::validUntil);
    if (until.isEmpty()) {
      return Optional.of(
          new Reason(ReasonCode.LOCATION_MISSING, "the node has not attested its location"));
    }
    boolean valid = until.get().isAfter(now) && !until.get().isAfter(now.plus(LONGEST));
    return valid
        ? Optional.empty()
        : Optional.of(new Reason(ReasonCode.LOCATION_EXPIRED, "not proven since " + until.get()));
  }

  private static Reason reason(String text) {
    int space = text.indexOf(' ');
    return new Reason(ReasonCode.valueOf(text.substring(0, space)), text.substring(space + 1));
  }

  static void forget(Connection connection, String nodeId) throws SQLException {
    for (String table : List.of("verifier_location", "verifier_sensor")) {
      try (PreparedStatement delete =
          connection.prepareStatement("DELETE FROM " + table + " WHERE node_id = ?")) {
        delete.setString(1, nodeId);
        delete.executeUpdate();
      }
    }
  }
}
