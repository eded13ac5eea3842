package dev.serai.enrolment;

import static dev.serai.reason.ReasonCode.EK_HAS_OTHER_NODE;
import static dev.serai.reason.ReasonCode.EK_NOT_TRUSTED;
import static dev.serai.reason.ReasonCode.NODE_BANNED;
import static dev.serai.reason.ReasonCode.NODE_TPM_CHANGED;

import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.keylime.AgentId;
import dev.serai.keylime.AuthTag;
import dev.serai.reason.Reason;
import dev.serai.store.Database;
import dev.serai.store.DatabaseException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.TpmtPublic;
import java.security.cert.CertificateEncodingException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The registrar's tables. A question and the change that follows from its answer are one write
 * transaction, so two requests for one node are judged one after the other, also in two processes.
 */
final class EnrolmentStore {
  private static final String COLUMNS =
      "n.node_id, n.ek_tpm, n.ek_certificate, n.ak_tpm, n.active, n.registration_count, n.ip,"
          + " n.port, n.mtls_certificate,"
          + " (SELECT COUNT(*) FROM registrar_ban b WHERE b.ek_key = n.ek_key) AS banned";

  private final Database database;
  private final Audit audit;

  EnrolmentStore(Database database, Audit audit) {
    this.database = database;
    this.audit = audit;
  }

  /** What came of an answer to a challenge. */
  enum Activation {
    ACTIVATED,
    UNKNOWN_NODE,
    BANNED,
    NO_CHALLENGE,
    EXPIRED,
    WRONG_TAG
  }

  /** How far a record is. */
  enum Stage {
    /** Waits for the answer to its challenge. */
    REGISTERED,
    ACTIVE,
    BANNED
  }

  /** Records by stage; a stage without one is 0. */
  Map<Stage, Integer> counts(Instant now) {
    return database.read(
        connection -> {
          Map<Stage, Integer> counts = new EnumMap<>(Stage.class);
          try (PreparedStatement select =
              connection.prepareStatement(
                  "SELECT (SELECT COUNT(*) FROM registrar_challenge WHERE expires_at > ?),"
                      + " (SELECT COUNT(*) FROM registrar_node WHERE active = 1),"
                      + " (SELECT COUNT(*) FROM registrar_ban)")) {
            select.setLong(1, now.toEpochMilli());
            try (ResultSet row = select.executeQuery()) {
              row.next();
              counts.put(Stage.REGISTERED, row.getInt(1));
              counts.put(Stage.ACTIVE, row.getInt(2));
              counts.put(Stage.BANNED, row.getInt(3));
            }
          }
          return counts;
        });
  }

  /** Why this enrolment would be refused, from what is stored; before anything costly is done. */
  Optional<Reason> objection(Enrolment.Claimed claim, Instant now) {
    return database.read(connection -> objection(connection, claim, now));
  }

  /**
   * Keeps the enrolment and its challenge; the earlier challenge of the node is void. Answers the
   * reason when it is refused; nothing is changed then.
   */
  Optional<Reason> record(Enrolment.Challenged challenged, Instant now) {
    return database.write(connection -> record(connection, challenged, now));
  }

  private Optional<Reason> record(
      Connection connection, Enrolment.Challenged challenged, Instant now) throws SQLException {
    Enrolment.Claimed claim = challenged.enrolment().claim();
    Optional<Reason> objection = objection(connection, claim, now);
    if (objection.isPresent()) {
      return objection;
    }
    dropLapsed(connection, claim, now);
    if (!countRegistration(connection, claim.node())) {
      insert(connection, challenged.enrolment(), now);
      audit.append( // the first of a row; anybody may repeat it
          connection,
          AuditEvent.of(AuditKind.EK_ENROLLED, claim.node().text())
              .with("ek", claim.ek().name().toHex())
              .with("ak", claim.ak().name().toHex())
              .with("trust", challenged.enrolment().basis().name()));
    }
    replaceChallenge(connection, challenged);
    return Optional.empty();
  }

  private static Optional<Reason> objection(
      Connection connection, Enrolment.Claimed claim, Instant now) throws SQLException {
    if (isBanned(connection, claim.ekKey())) {
      return Optional.of(new Reason(NODE_BANNED, "the TPM with this endorsement key is banned"));
    }
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT n.node_id, n.ek_name, n.ak_name FROM registrar_node n"
                + " LEFT JOIN registrar_challenge c ON c.node_id = n.node_id"
                + " WHERE (n.node_id = ? OR n.ek_name = ? OR n.ek_key = ?)"
                + " AND (n.active = 1 OR c.expires_at > ?)")) {
      select.setString(1, claim.node().text());
      select.setString(2, claim.ek().name().toHex());
      select.setString(3, claim.ekKey());
      select.setLong(4, now.toEpochMilli());
      try (ResultSet rows = select.executeQuery()) {
        while (rows.next()) {
          Optional<Reason> conflict =
              conflict(claim, rows.getString(1), rows.getString(2), rows.getString(3));
          if (conflict.isPresent()) {
            return conflict;
          }
        }
      }
    }
    return otherName(connection, claim);
  }

  private static Optional<Reason> otherName(Connection connection, Enrolment.Claimed claim)
      throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT 1 FROM registrar_ek WHERE ek_key = ? AND ek_name <> ?")) {
      select.setString(1, claim.ekKey());
      select.setString(2, claim.ek().name().toHex());
      try (ResultSet row = select.executeQuery()) {
        return row.next()
            ? Optional.of(
                new Reason(
                    EK_NOT_TRUSTED, "this endorsement key was enrolled with another public area"))
            : Optional.empty();
      }
    }
  }

  private static Optional<Reason> conflict(
      Enrolment.Claimed claim, String node, String ekName, String akName) {
    if (!node.equals(claim.node().text())) {
      return Optional.of(
          new Reason(EK_HAS_OTHER_NODE, "this endorsement key is that of another node"));
    }
    if (!ekName.equals(claim.ek().name().toHex())) {
      return Optional.of(new Reason(NODE_TPM_CHANGED, node + " has another endorsement key"));
    }
    if (!akName.equals(claim.ak().name().toHex())) {
      return Optional.of(new Reason(NODE_TPM_CHANGED, node + " has another attestation key"));
    }
    return Optional.empty();
  }

  /** Rows that never proved anything and whose challenge can no longer be answered. */
  private static void dropLapsed(Connection connection, Enrolment.Claimed claim, Instant now)
      throws SQLException {
    String lapsed =
        "SELECT n.node_id FROM registrar_node n LEFT JOIN registrar_challenge c"
            + " ON c.node_id = n.node_id WHERE n.active = 0"
            + " AND (c.expires_at IS NULL OR c.expires_at <= ?)"
            + " AND (n.node_id = ? OR n.ek_name = ? OR n.ek_key = ?)";
    List<String> ids = new ArrayList<>();
    try (PreparedStatement select = connection.prepareStatement(lapsed)) {
      select.setLong(1, now.toEpochMilli());
      select.setString(2, claim.node().text());
      select.setString(3, claim.ek().name().toHex());
      select.setString(4, claim.ekKey());
      try (ResultSet rows = select.executeQuery()) {
        while (rows.next()) {
          ids.add(rows.getString(1));
        }
      }
    }
    for (String id : ids) {
      deleteRows(connection, id);
    }
  }

  private static boolean countRegistration(Connection connection, AgentId node)
      throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE registrar_node SET registration_count = registration_count + 1"
                + " WHERE node_id = ?")) {
      update.setString(1, node.text());
      return update.executeUpdate() == 1;
    }
  }

  private static void insert(Connection connection, Enrolment.Trusted enrolment, Instant now)
      throws SQLException {
    Enrolment.Claimed claim = enrolment.claim();
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO registrar_node (node_id, ek_name, ek_key, ek_tpm, ek_certificate,"
                + " ek_trust, ak_name, ak_tpm, active, registration_count, registered_at) VALUES"
                + " (?, ?, ?, ?, ?, ?, ?, ?, 0, 1, ?)")) {
      insert.setString(1, claim.node().text());
      insert.setString(2, claim.ek().name().toHex());
      insert.setString(3, claim.ekKey());
      insert.setBytes(4, claim.ek().sized().toArray());
      insert.setBytes(5, certificate(claim));
      insert.setString(6, enrolment.basis().name());
      insert.setString(7, claim.ak().name().toHex());
      insert.setBytes(8, claim.ak().sized().toArray());
      insert.setLong(9, now.toEpochMilli());
      insert.executeUpdate();
    }
  }

  /** Null is SQL's NULL here. */
  private static byte[] certificate(Enrolment.Claimed claim) {
    try {
      return claim.certificates().chain().isEmpty()
          ? null
          : claim.certificates().chain().get(0).getEncoded();
    } catch (CertificateEncodingException e) {
      throw new IllegalStateException("a parsed certificate has no encoding", e);
    }
  }

  private static void replaceChallenge(Connection connection, Enrolment.Challenged challenged)
      throws SQLException {
    Enrolment.Claimed claim = challenged.enrolment().claim();
    deleteChallenge(connection, claim.node().text());
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO registrar_challenge (node_id, secret, ip, port, mtls_certificate,"
                + " expires_at) VALUES (?, ?, ?, ?, ?, ?)")) {
      insert.setString(1, claim.node().text());
      insert.setBytes(2, challenged.secret().toArray());
      insert.setString(3, claim.contact().ip().orElse(null));
      if (claim.contact().port().isPresent()) {
        insert.setInt(4, claim.contact().port().get());
      } else {
        insert.setNull(4, Types.INTEGER);
      }
      insert.setString(5, claim.contact().mtlsCertificate().orElse(null));
      insert.setLong(6, challenged.expiresAt().toEpochMilli());
      insert.executeUpdate();
    }
  }

  /**
   * Judges the answer to a challenge. Whatever it is, the challenge is void afterwards. A wrong one
   * removes a node that has never been active; one that is active stays as it is, or anybody could
   * remove nodes.
   */
  Activation activate(Enrolment.Answered answered, Instant now) {
    return database.write(
        connection -> {
          Activation activation = activate(connection, answered, now);
          if (activation == Activation.ACTIVATED) {
            audit.append(connection, AuditEvent.of(AuditKind.EK_ACTIVATED, answered.node().text()));
          }
          return activation;
        });
  }

  private static Activation activate(
      Connection connection, Enrolment.Answered answered, Instant now) throws SQLException {
    String id = answered.node().text();
    boolean active;
    boolean banned;
    byte[] secret;
    long expiresAt;
    try (PreparedStatement select =
        connection.prepareStatement(
            "SELECT n.active, c.secret, c.expires_at,"
                + " (SELECT COUNT(*) FROM registrar_ban b WHERE b.ek_key = n.ek_key)"
                + " FROM registrar_node n LEFT JOIN registrar_challenge c"
                + " ON c.node_id = n.node_id WHERE n.node_id = ?")) {
      select.setString(1, id);
      try (ResultSet row = select.executeQuery()) {
        if (!row.next()) {
          return Activation.UNKNOWN_NODE;
        }
        active = row.getInt(1) == 1;
        secret = row.getBytes(2);
        expiresAt = row.getLong(3);
        banned = row.getInt(4) > 0;
      }
    }
    if (banned) {
      return Activation.BANNED;
    }
    if (secret == null) {
      return Activation.NO_CHALLENGE;
    }
    if (expiresAt <= now.toEpochMilli()) {
      voidChallenge(connection, id, active);
      return Activation.EXPIRED;
    }
    if (!AuthTag.matches(answered.authTag(), Bytes.copyOf(secret), answered.node())) {
      voidChallenge(connection, id, active);
      return Activation.WRONG_TAG;
    }
    markActive(connection, id, now);
    rememberName(connection, id);
    deleteChallenge(connection, id);
    return Activation.ACTIVATED;
  }

  private static void voidChallenge(Connection connection, String id, boolean active)
      throws SQLException {
    if (active) {
      deleteChallenge(connection, id);
    } else {
      deleteRows(connection, id);
    }
  }

  private static void markActive(Connection connection, String id, Instant now)
      throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE registrar_node SET active = 1, activated_at = ?,"
                + " ip = (SELECT c.ip FROM registrar_challenge c WHERE c.node_id = ?),"
                + " port = (SELECT c.port FROM registrar_challenge c WHERE c.node_id = ?),"
                + " mtls_certificate = (SELECT c.mtls_certificate FROM registrar_challenge c"
                + " WHERE c.node_id = ?) WHERE node_id = ?")) {
      update.setLong(1, now.toEpochMilli());
      for (int i = 2; i <= 5; i++) {
        update.setString(i, id);
      }
      update.executeUpdate();
    }
  }

  private static void rememberName(Connection connection, String id) throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO registrar_ek (ek_key, ek_name)"
                + " SELECT n.ek_key, n.ek_name FROM registrar_node n WHERE n.node_id = ?"
                + " AND NOT EXISTS (SELECT 1 FROM registrar_ek e WHERE e.ek_key = n.ek_key)")) {
      insert.setString(1, id);
      insert.executeUpdate();
    }
  }

  Optional<EnrolledNode> find(AgentId node) {
    return database.read(
        connection -> {
          try (PreparedStatement select =
              connection.prepareStatement(
                  "SELECT " + COLUMNS + " FROM registrar_node n WHERE n.node_id = ?")) {
            select.setString(1, node.text());
            try (ResultSet row = select.executeQuery()) {
              return row.next() ? Optional.of(node(row)) : Optional.empty();
            }
          }
        });
  }

  /** All nodes, by id. */
  List<EnrolledNode> all() {
    return database.read(
        connection -> {
          List<EnrolledNode> nodes = new ArrayList<>();
          try (PreparedStatement select =
                  connection.prepareStatement(
                      "SELECT " + COLUMNS + " FROM registrar_node n ORDER BY n.node_id");
              ResultSet rows = select.executeQuery()) {
            while (rows.next()) {
              nodes.add(node(rows));
            }
          }
          return nodes;
        });
  }

  /** Ids of all nodes, active or not, as Keylime lists them. */
  List<String> ids() {
    return database.read(
        connection -> {
          List<String> ids = new ArrayList<>();
          try (PreparedStatement select =
                  connection.prepareStatement(
                      "SELECT node_id FROM registrar_node ORDER BY node_id");
              ResultSet rows = select.executeQuery()) {
            while (rows.next()) {
              ids.add(rows.getString(1));
            }
          }
          return ids;
        });
  }

  /** Removes a node; a ban of its TPM stays. */
  boolean delete(AgentId node) {
    return database.write(
        connection -> {
          boolean deleted = deleteRows(connection, node.text());
          if (deleted) {
            audit.append(connection, AuditEvent.of(AuditKind.RECORD_DELETED, node.text()));
          }
          return deleted;
        });
  }

  /**
   * Bans a TPM by its EK's Name in hex, under whatever id it comes. False when no node ever came
   * with it.
   */
  boolean ban(String ekName, Instant now) {
    return database.write(
        connection -> {
          try (PreparedStatement insert =
              connection.prepareStatement(
                  "INSERT INTO registrar_ban (ek_key, ek_name, banned_at)"
                      + " SELECT ek_key, ek_name, ? FROM (SELECT ek_key, ek_name FROM"
                      + " registrar_node UNION SELECT ek_key, ek_name FROM registrar_ek) known"
                      + " WHERE ek_name = ? AND NOT EXISTS"
                      + " (SELECT 1 FROM registrar_ban b WHERE b.ek_key = known.ek_key)")) {
            insert.setLong(1, now.toEpochMilli());
            insert.setString(2, ekName);
            insert.executeUpdate();
          }
          boolean banned = isNameBanned(connection, ekName);
          if (banned) {
            audit.append(connection, AuditEvent.of(AuditKind.EK_BANNED, "ek:" + ekName));
          }
          return banned;
        });
  }

  /** Lifts the ban of a TPM, named by its EK's Name in hex. False when it was not banned. */
  boolean unban(String ekName) {
    return database.write(
        connection -> {
          try (PreparedStatement delete =
              connection.prepareStatement("DELETE FROM registrar_ban WHERE ek_name = ?")) {
            delete.setString(1, ekName);
            boolean lifted = delete.executeUpdate() > 0;
            if (lifted) {
              audit.append(connection, AuditEvent.of(AuditKind.EK_UNBANNED, "ek:" + ekName));
            }
            return lifted;
          }
        });
  }

  private static boolean isNameBanned(Connection connection, String ekName) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement("SELECT 1 FROM registrar_ban WHERE ek_name = ?")) {
      select.setString(1, ekName);
      try (ResultSet row = select.executeQuery()) {
        return row.next();
      }
    }
  }

  private static boolean isBanned(Connection connection, String ekKey) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement("SELECT 1 FROM registrar_ban WHERE ek_key = ?")) {
      select.setString(1, ekKey);
      try (ResultSet row = select.executeQuery()) {
        return row.next();
      }
    }
  }

  private static boolean deleteRows(Connection connection, String id) throws SQLException {
    deleteChallenge(connection, id);
    try (PreparedStatement delete =
        connection.prepareStatement("DELETE FROM registrar_node WHERE node_id = ?")) {
      delete.setString(1, id);
      return delete.executeUpdate() == 1;
    }
  }

  private static void deleteChallenge(Connection connection, String id) throws SQLException {
    try (PreparedStatement delete =
        connection.prepareStatement("DELETE FROM registrar_challenge WHERE node_id = ?")) {
      delete.setString(1, id);
      delete.executeUpdate();
    }
  }

  private static EnrolledNode node(ResultSet row) throws SQLException {
    int port = row.getInt("port");
    Optional<Integer> knownPort = row.wasNull() ? Optional.empty() : Optional.of(port);
    try {
      return new EnrolledNode(
          new AgentId(row.getString("node_id")),
          TpmtPublic.parseSized(Bytes.copyOf(row.getBytes("ek_tpm"))),
          Optional.ofNullable(row.getBytes("ek_certificate")).map(Bytes::copyOf),
          TpmtPublic.parseSized(Bytes.copyOf(row.getBytes("ak_tpm"))),
          row.getInt("active") == 1,
          row.getInt("banned") > 0,
          new Enrolment.Contact(
              Optional.ofNullable(row.getString("ip")),
              knownPort,
              Optional.ofNullable(row.getString("mtls_certificate"))),
          row.getInt("registration_count"));
    } catch (MalformedStructureException e) {
      throw new DatabaseException("a stored key cannot be read", e);
    }
  }
}
