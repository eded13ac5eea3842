package dev.serai.backup;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.store.DatabaseException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What an older state must not bring back. Secrets that were good once are void; what others
 * compare by number has a higher one than they ever saw; what was proven has to be proven again; a
 * ban stays.
 */
final class RestoredState {
  private RestoredState() {}

  /** Applied to the unpacked database before anybody uses it. Answers what to record of it. */
  static AuditEvent apply(Connection connection, StateDatabase.Bans kept, Instant now)
      throws SQLException {
    long tokens = count(connection, "DELETE FROM issuer_join_token");
    count(connection, "DELETE FROM issuer_challenge");
    count(connection, "DELETE FROM registrar_challenge");
    count(
        connection, "UPDATE verifier_node SET due_at = 0, lease_owner = NULL, lease_until = NULL");
    // Not proven since an unknown time: agents attest anew, which they do by themselves.
    count(connection, "UPDATE issuer_standing SET state = 'UNREACHABLE' WHERE state = 'TRUSTED'");
    raiseEntries(connection, now);
    try (PreparedStatement raise =
        connection.prepareStatement(
            "UPDATE issuer_bundle SET sequence = CASE WHEN sequence < ? THEN ?"
                + " ELSE sequence + 1 END")) {
      raise.setLong(1, now.getEpochSecond());
      raise.setLong(2, now.getEpochSecond());
      raise.executeUpdate();
    }
    long bans = keep(connection, kept, now);
    return AuditEvent.of(AuditKind.STATE_RESTORED, "backup")
        .with("tokensVoid", tokens)
        .with("bansKept", bans);
  }

  /**
   * Agents of join tokens in the backup, which cannot prove anew what they are.
   *
   * @param evicted do not come back
   * @param kept do
   */
  record Joined(List<String> evicted, List<String> kept) {
    static final Joined NONE = new Joined(List.of(), List.of());
  }

  /**
   * Who was evicted after the backup stays evicted. The replaced state knows it when it is what the
   * backup's became; then an agent that it has not is gone. When nothing is known, those stay away
   * that no role process of Serai is, unless told otherwise: a token is made in a minute, and an
   * agent that should not be there is not noticed. A role process whose identity ends cannot be
   * reached by anybody, so it stays.
   *
   * @param backup where the log ended when the backup was made
   */
  static Joined evict(
      Connection connection, StateDatabase.Lineage backup, ReplacedState old, boolean keepUnknown)
      throws SQLException {
    boolean known = old.lineage().continues(backup);
    Set<String> roles = roleProcesses(connection);
    List<String> evicted = new ArrayList<>();
    List<String> kept = new ArrayList<>();
    try (Statement select = connection.createStatement();
        ResultSet row =
            select.executeQuery(
                "SELECT spiffe_id FROM issuer_node WHERE attestation_type = 'join_token'"
                    + " AND banned = 0 ORDER BY spiffe_id")) {
      while (row.next()) {
        String id = row.getString(1);
        boolean stays = known ? old.agents().contains(id) : keepUnknown || roles.contains(id);
        (stays ? kept : evicted).add(id);
      }
    }
    try (PreparedStatement delete =
        connection.prepareStatement("DELETE FROM issuer_node WHERE spiffe_id = ?")) {
      for (String id : evicted) {
        delete.setString(1, id);
        delete.executeUpdate();
      }
    }
    return new Joined(evicted, kept);
  }

  /** Agents under which the identity of a role is registered. */
  private static Set<String> roleProcesses(Connection connection) throws SQLException {
    Set<String> agents = new HashSet<>();
    try (Statement select = connection.createStatement();
        ResultSet row = select.executeQuery("SELECT message FROM issuer_entry")) {
      while (row.next()) {
        Entry entry = Entry.parseFrom(row.getBytes(1));
        if (entry.getSpiffeId().getPath().startsWith("/serai/")) {
          SPIFFEID parent = entry.getParentId();
          agents.add("spiffe://" + parent.getTrustDomain() + parent.getPath());
        }
      }
    } catch (InvalidProtocolBufferException e) {
      throw new DatabaseException("an entry of the backup cannot be read", e);
    }
    return agents;
  }

  private static long count(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      return statement.executeUpdate(sql);
    }
  }

  /** Agents ask only for entries whose revision is not the one they have. */
  private static void raiseEntries(Connection connection, Instant now) throws SQLException {
    Map<String, Entry> entries = new LinkedHashMap<>();
    try (Statement select = connection.createStatement();
        ResultSet row = select.executeQuery("SELECT id, message FROM issuer_entry")) {
      while (row.next()) {
        entries.put(row.getString(1), Entry.parseFrom(row.getBytes(2)));
      }
    } catch (InvalidProtocolBufferException e) {
      throw new DatabaseException("an entry of the backup cannot be read", e);
    }
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE issuer_entry SET revision = ?, message = ? WHERE id = ?")) {
      for (Map.Entry<String, Entry> entry : entries.entrySet()) {
        long revision = Math.max(entry.getValue().getRevisionNumber() + 1, now.getEpochSecond());
        update.setLong(1, revision);
        update.setBytes(
            2, entry.getValue().toBuilder().setRevisionNumber(revision).build().toByteArray());
        update.setString(3, entry.getKey());
        update.executeUpdate();
      }
    }
  }

  /** A TPM that was banned after the backup is banned after the restore. */
  private static long keep(Connection connection, StateDatabase.Bans bans, Instant now)
      throws SQLException {
    long made = 0;
    try (PreparedStatement ban =
            connection.prepareStatement(
                "INSERT INTO issuer_ek_ban (ek_name, banned_at) VALUES (?, ?)"
                    + " ON CONFLICT (ek_name) DO NOTHING");
        PreparedStatement registrar =
            connection.prepareStatement(
                "INSERT INTO registrar_ban (ek_key, ek_name, banned_at) VALUES (?, ?, ?)"
                    + " ON CONFLICT (ek_key) DO NOTHING");
        PreparedStatement agent =
            connection.prepareStatement(
                "UPDATE issuer_node SET banned = 1 WHERE spiffe_id = ? AND banned = 0")) {
      for (String name : bans.nodeTpms()) {
        ban.setString(1, name);
        ban.setLong(2, now.toEpochMilli());
        made += ban.executeUpdate();
      }
      for (var key : bans.registrarTpms()) {
        registrar.setString(1, key.get(0));
        registrar.setString(2, key.get(1));
        registrar.setLong(3, now.toEpochMilli());
        made += registrar.executeUpdate();
      }
      for (String id : bans.agents()) {
        agent.setString(1, id);
        made += agent.executeUpdate();
      }
    }
    return made;
  }
}
