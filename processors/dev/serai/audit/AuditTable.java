package dev.serai.audit;

import dev.serai.tpm.Bytes;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/** The audit tables' statements. */
final class AuditTable {
  private static final String RECORD =
      "SELECT sequence, at, kind, subject, actor, trace, reasons, detail, hash FROM audit_record";
  private static final String SEGMENT =
      "SELECT chain_id, first_sequence, trust_domain, started_at, cause, previous_chain,"
          + " previous_sequence, previous_hash FROM audit_segment ORDER BY first_sequence";
  private static final String CHECKPOINT =
      "SELECT sequence, chain_id, hash, at, pruned, statement, signature, ak"
          + " FROM audit_checkpoint";

  private AuditTable() {}

  static Optional<AuditRecord> last(Connection connection) throws SQLException {
    return one(connection, RECORD + " ORDER BY sequence DESC LIMIT 1");
  }

  static Optional<AuditRecord> at(Connection connection, long sequence) throws SQLException {
    return one(connection, RECORD + " WHERE sequence = " + sequence);
  }

  static Optional<AuditRecord> lastUpTo(Connection connection, long sequence) throws SQLException {
    return one(
        connection, RECORD + " WHERE sequence <= " + sequence + " ORDER BY sequence DESC LIMIT 1");
  }

  private static Optional<AuditRecord> one(Connection connection, String sql) throws SQLException {
    try (PreparedStatement select = connection.prepareStatement(sql);
        ResultSet row = select.executeQuery()) {
      return row.next() ? Optional.of(record(row)) : Optional.empty();
    }
  }

  static Optional<AuditRecord> lastOf(Connection connection, String kind) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement(
            RECORD
                + " WHERE kind = ? AND kind <> 'watch.verdict' ORDER BY sequence DESC LIMIT 1")) {
      select.setString(1, kind);
      try (ResultSet row = select.executeQuery()) {
        return row.next() ? Optional.of(record(row)) : Optional.empty();
      }
    }
  }

  /** From the last one, as long as the answer is true. */
  static void backwards(Connection connection, Optional<String> kind, Predicate<AuditRecord> goOn)
      throws SQLException {
    // with the index's own condition, so that it is used
    String indexed =
        kind.filter("watch.verdict"::equals).isPresent() ? "" : " AND kind <> 'watch.verdict'";
    String where = kind.isPresent() ? " WHERE kind = ?" + indexed : "";
    try (PreparedStatement select =
        connection.prepareStatement(RECORD + where + " ORDER BY sequence DESC")) {
      if (kind.isPresent()) {
        select.setString(1, kind.get());
      }
      try (ResultSet row = select.executeQuery()) {
        while (row.next() && goOn.test(record(row))) {
          // the test has it
        }
      }
    }
  }

  /** From this sequence on, in order. */
  static List<AuditRecord> from(Connection connection, long sequence, int limit)
      throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement(RECORD + " WHERE sequence >= ? ORDER BY sequence LIMIT ?")) {
      select.setLong(1, sequence);
      select.setInt(2, limit);
      List<AuditRecord> records = new ArrayList<>();
      try (ResultSet row = select.executeQuery()) {
        while (row.next()) {
          records.add(record(row));
        }
      }
      return records;
    }
  }

  private static AuditRecord record(ResultSet row) throws SQLException {
    return new AuditRecord(
        row.getLong(1),
        Instant.ofEpochMilli(row.getLong(2)),
        row.getString(3),
        row.getString(4),
        row.getString(5),
        row.getString(6),
        row.getString(7),
        row.getString(8),
        Bytes.copyOf(row.getBytes(9)));
  }

  static void insert(Connection connection, List<AuditRecord> records) throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO audit_record (sequence, at, kind, subject, actor, trace, reasons, detail,"
                + " hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
      for (AuditRecord record : records) {
        insert.setLong(1, record.sequence());
        insert.setLong(2, record.at().toEpochMilli());
        insert.setString(3, record.kind());
        insert.setString(4, record.subject());
        insert.setString(5, record.actor());
        insert.setString(6, record.trace());
        insert.setString(7, record.reasons());
        insert.setString(8, record.detail());
        insert.setBytes(9, record.hash().toArray());
        insert.executeUpdate();
      }
    }
  }

  /** In order. */
  static List<ChainSegment> segments(Connection connection) throws SQLException {
    try (PreparedStatement select = connection.prepareStatement(SEGMENT);
        ResultSet row = select.executeQuery()) {
      List<ChainSegment> segments = new ArrayList<>();
      while (row.next()) {
        segments.add(
            new ChainSegment(
                row.getString(1),
                row.getLong(2),
                row.getString(3),
                Instant.ofEpochMilli(row.getLong(4)),
                ChainSegment.Cause.valueOf(row.getString(5)),
                row.getString(6),
                row.getLong(7),
                Bytes.copyOf(row.getBytes(8))));
      }
      return segments;
    }
  }

  static void insert(Connection connection, ChainSegment segment) throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO audit_segment (chain_id, first_sequence, trust_domain, started_at, cause,"
                + " previous_chain, previous_sequence, previous_hash)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")) {
      insert.setString(1, segment.chainId());
      insert.setLong(2, segment.firstSequence());
      insert.setString(3, segment.trustDomain());
      insert.setLong(4, segment.startedAt().toEpochMilli());
      insert.setString(5, segment.cause().name());
      insert.setString(6, segment.previousChain());
      insert.setLong(7, segment.previousSequence());
      insert.setBytes(8, segment.previousHash().toArray());
      insert.executeUpdate();
    }
  }

  /** In order. */
  static List<Checkpoint> checkpoints(Connection connection) throws SQLException {
    return checkpoints(connection, CHECKPOINT + " ORDER BY sequence");
  }

  static Optional<Checkpoint> lastCheckpoint(Connection connection) throws SQLException {
    return checkpoints(connection, CHECKPOINT + " ORDER BY sequence DESC LIMIT 1").stream()
        .findFirst();
  }

  /** Up to where records may be gone. */
  static Optional<Checkpoint> floor(Connection connection) throws SQLException {
    return checkpoints(connection, CHECKPOINT + " WHERE pruned = 1 ORDER BY sequence DESC LIMIT 1")
        .stream()
        .findFirst();
  }

  private static List<Checkpoint> checkpoints(Connection connection, String sql)
      throws SQLException {
    try (PreparedStatement select = connection.prepareStatement(sql);
        ResultSet row = select.executeQuery()) {
      List<Checkpoint> checkpoints = new ArrayList<>();
      while (row.next()) {
        byte[] statement = row.getBytes(6);
        byte[] signature = row.getBytes(7);
        byte[] ak = row.getBytes(8);
        checkpoints.add(
            new Checkpoint(
                row.getLong(1),
                row.getString(2),
                Bytes.copyOf(row.getBytes(3)),
                Instant.ofEpochMilli(row.getLong(4)),
                row.getInt(5) == 1,
                statement == null || signature == null || ak == null
                    ? Optional.empty()
                    : Optional.of(
                        new SignedCheckpoint(
                            Bytes.copyOf(statement), Bytes.copyOf(signature), Bytes.copyOf(ak)))));
      }
      return checkpoints;
    }
  }

  /** One that is there becomes signed or pruned if this one is; it loses nothing. */
  static void save(Connection connection, Checkpoint checkpoint) throws SQLException {
    try (PreparedStatement upsert =
        connection.prepareStatement(
            "INSERT INTO audit_checkpoint (sequence, chain_id, hash, at, pruned, statement,"
                + " signature, ak) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                + " ON CONFLICT (sequence) DO UPDATE SET"
                + " pruned = CASE WHEN excluded.pruned = 1 THEN 1 ELSE audit_checkpoint.pruned END,"
                + " statement = COALESCE(audit_checkpoint.statement, excluded.statement),"
                + " signature = COALESCE(audit_checkpoint.signature, excluded.signature),"
                + " ak = COALESCE(audit_checkpoint.ak, excluded.ak)")) {
      upsert.setLong(1, checkpoint.sequence());
      upsert.setString(2, checkpoint.chainId());
      upsert.setBytes(3, checkpoint.hash().toArray());
      upsert.setLong(4, checkpoint.at().toEpochMilli());
      upsert.setInt(5, checkpoint.pruned() ? 1 : 0);
      if (checkpoint.signed().isPresent()) {
        SignedCheckpoint signed = checkpoint.signed().get();
        upsert.setBytes(6, signed.statement().toArray());
        upsert.setBytes(7, signed.signature().toArray());
        upsert.setBytes(8, signed.ak().toArray());
      } else {
        for (int i = 6; i <= 8; i++) {
          upsert.setNull(i, Types.BLOB);
        }
      }
      upsert.executeUpdate();
    }
  }

  /** The last record before the first one of this time or later; never the last of all. */
  static Optional<AuditRecord> lastBefore(Connection connection, Instant time) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT sequence FROM audit_record WHERE at >= ? ORDER BY sequence LIMIT 1")) {
      select.setLong(1, time.toEpochMilli());
      try (ResultSet row = select.executeQuery()) {
        if (row.next()) {
          return at(connection, row.getLong(1) - 1);
        }
      }
    }
    Optional<AuditRecord> last = last(connection);
    return last.isEmpty() ? last : at(connection, last.get().sequence() - 1);
  }

  static int deleteUpTo(Connection connection, long sequence, int limit) throws SQLException {
    try (PreparedStatement delete =
        connection.prepareStatement(
            "DELETE FROM audit_record WHERE sequence IN (SELECT sequence FROM audit_record"
                + " WHERE sequence <= ? ORDER BY sequence LIMIT ?)")) {
      delete.setLong(1, sequence);
      delete.setInt(2, limit);
      return delete.executeUpdate();
    }
  }
}
