package dev.serai.sensor;

import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.store.Database;
import dev.serai.tpm.Bytes;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;

/** Registered sensors in the database, what is personal of them sealed. */
final class DeviceStore {
  private static final String COLUMNS =
      "id, type, sensor_id, node_id, key_id, sealed, created_at, updated_at";

  /** By what a device is found; each value belongs to one device. */
  enum Field {
    IMEI("imei_hash", "IMEI"),
    IMSI("imsi_hash", "IMSI"),
    MSISDN("msisdn_hash", "MSISDN"),
    SERIAL("serial_hash", "serial number");

    private final String column;
    private final String word;

    Field(String column, String word) {
      this.column = column;
      this.word = word;
    }

    Optional<String> of(Device device) {
      return switch (this) {
        case IMEI -> device.imei();
        case IMSI -> device.imsi();
        case MSISDN -> device.msisdn();
        case SERIAL -> device.serialNumber();
      };
    }
  }

  private final Database database;
  private final Audit audit;
  private final RegistryKey key;
  private final AtomicLong changes = new AtomicLong();

  DeviceStore(Database database, Audit audit, RegistryKey key) {
    this.database = database;
    this.audit = audit;
    this.key = key;
  }

  /** Rises with each change; nobody else writes to this database. */
  long changes() {
    return changes.get();
  }

  /** Counts a change also when nobody can say whether it happened. */
  private <T> T change(Database.Work<T> work) {
    try {
      return database.write(work);
    } finally {
      changes.incrementAndGet();
    }
  }

  /**
   * @throws RefusalException SENSOR_EXISTS
   */
  void create(Device device) {
    change(
        connection -> {
          requireNew(connection, device);
          try (PreparedStatement insert =
              connection.prepareStatement(
                  "INSERT INTO sensor_device (type, sensor_id, imei_hash, imsi_hash, msisdn_hash,"
                      + " serial_hash, node_id, key_id, sealed, updated_at, created_at, id)"
                      + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
            int next = set(insert, device);
            insert.setLong(next, device.createdAt().toEpochMilli());
            insert.setString(next + 1, device.id());
            insert.executeUpdate();
          }
          audit.append(connection, event(AuditKind.DEVICE_CREATED, device));
          return null;
        });
  }

  /**
   * @throws RefusalException SENSOR_UNKNOWN, or SENSOR_EXISTS when it becomes like another one
   */
  Device update(String id, UnaryOperator<Device> change) {
    return change(
        connection -> {
          Device after = change.apply(require(connection, id));
          requireNew(connection, after);
          try (PreparedStatement update =
              connection.prepareStatement(
                  "UPDATE sensor_device SET type = ?, sensor_id = ?, imei_hash = ?, imsi_hash = ?,"
                      + " msisdn_hash = ?, serial_hash = ?, node_id = ?, key_id = ?, sealed = ?,"
                      + " updated_at = ? WHERE id = ?")) {
            update.setString(set(update, after), id);
            update.executeUpdate();
          }
          audit.append(connection, event(AuditKind.DEVICE_UPDATED, after));
          return after;
        });
  }

  /**
   * Also one that cannot be read any more.
   *
   * @throws RefusalException SENSOR_UNKNOWN
   */
  void delete(String id) {
    change(
        connection -> {
          try (PreparedStatement delete =
              connection.prepareStatement("DELETE FROM sensor_device WHERE id = ?")) {
            delete.setString(1, id);
            if (delete.executeUpdate() == 0) {
              throw unknown();
            }
          }
          audit.append(connection, AuditEvent.of(AuditKind.DEVICE_DELETED, id));
          return null;
        });
  }

  /**
   * @throws RefusalException SENSOR_UNKNOWN
   */
  Device require(String id) {
    return database.read(connection -> require(connection, id));
  }

  private Device require(Connection connection, String id) throws SQLException {
    return select(connection, " WHERE id = ?", id).stream()
        .findFirst()
        .orElseThrow(DeviceStore::unknown);
  }

  private static RefusalException unknown() {
    return new RefusalException(ReasonCode.SENSOR_UNKNOWN, "no sensor has this id");
  }

  List<Device> all() {
    return database.read(connection -> select(connection, " ORDER BY created_at, id"));
  }

  /** The devices that all of these lead to, by what they lead to; in one snapshot. */
  Map<Field, Optional<Device>> find(Map<Field, String> values) {
    return database.read(
        connection -> {
          Map<Field, Optional<Device>> found = new EnumMap<>(Field.class);
          for (Map.Entry<Field, String> value : values.entrySet()) {
            found.put(
                value.getKey(),
                select(
                        connection,
                        " WHERE " + value.getKey().column + " = ?",
                        hash(value.getKey(), value.getValue()))
                    .stream()
                    .findFirst());
          }
          return found;
        });
  }

  /** Of this model; no more than two. */
  List<Device> ofModel(String sensorId) {
    return database.read(
        connection -> select(connection, " WHERE sensor_id = ? ORDER BY id LIMIT 2", sensorId));
  }

  Map<Device.Type, Integer> counts() {
    return database.read(
        connection -> {
          Map<Device.Type, Integer> counts = new EnumMap<>(Device.Type.class);
          try (PreparedStatement query =
                  connection.prepareStatement(
                      "SELECT type, COUNT(*) FROM sensor_device GROUP BY type");
              ResultSet rows = query.executeQuery()) {
            while (rows.next()) {
              counts.put(Device.Type.valueOf(rows.getString(1)), rows.getInt(2));
            }
          }
          return counts;
        });
  }

  private void requireNew(Connection connection, Device device) throws SQLException {
    for (Field field : Field.values()) {
      Optional<String> value = field.of(device);
      if (value.isEmpty()) {
        continue;
      }
      try (PreparedStatement query =
          connection.prepareStatement(
              "SELECT id FROM sensor_device WHERE " + field.column + " = ? AND id <> ?")) {
        query.setString(1, hash(field, value.get()));
        query.setString(2, device.id());
        try (ResultSet rows = query.executeQuery()) {
          if (rows.next()) {
            throw new RefusalException(
                ReasonCode.SENSOR_EXISTS,
                "sensor %s has this %s".formatted(rows.getString(1), field.word));
          }
        }
      }
    }
  }

  private String hash(Field field, String value) {
    return key.lookupHash(field.column, value);
  }

  /** Sets all but the last columns. @return the number of the next one */
  private int set(PreparedStatement statement, Device device) throws SQLException {
    int at = 1;
    statement.setString(at++, device.type().name());
    statement.setString(at++, device.sensorId());
    for (Field field : Field.values()) {
      statement.setString(at++, field.of(device).map(value -> hash(field, value)).orElse(null));
    }
    statement.setString(at++, device.node().orElse(""));
    statement.setString(at++, key.id());
    statement.setBytes(at++, key.seal(device.id(), DeviceSeal.of(device)).toArray());
    statement.setLong(at++, device.updatedAt().toEpochMilli());
    return at;
  }

  private List<Device> select(Connection connection, String where, String... values)
      throws SQLException {
    List<Device> devices = new ArrayList<>();
    try (PreparedStatement query =
        connection.prepareStatement("SELECT " + COLUMNS + " FROM sensor_device" + where)) {
      for (int i = 0; i < values.length; i++) {
        query.setString(i + 1, values[i]);
      }
      try (ResultSet rows = query.executeQuery()) {
        while (rows.next()) {
          devices.add(device(rows));
        }
      }
    }
    return devices;
  }

  private Device device(ResultSet row) throws SQLException {
    String id = row.getString(1);
    if (!row.getString(5).equals(key.id())) {
      throw new RefusalException(
          ReasonCode.SENSOR_REGISTRY_LOCKED, "sensor " + id + " was sealed with another key");
    }
    DeviceSeal seal = DeviceSeal.read(id, key.open(id, Bytes.copyOf(row.getBytes(6))));
    return new Device(
        id,
        Device.Type.valueOf(row.getString(2)),
        row.getString(3),
        seal.imei(),
        seal.imsi(),
        seal.msisdn(),
        seal.serialNumber(),
        seal.area(),
        Optional.of(row.getString(4)).filter(node -> !node.isEmpty()),
        Instant.ofEpochMilli(row.getLong(7)),
        Instant.ofEpochMilli(row.getLong(8)));
  }

  private static AuditEvent event(AuditKind kind, Device device) {
    return AuditEvent.of(kind, device.id())
        .with("type", device.type().word())
        .with("node", device.node().orElse(""));
  }
}
