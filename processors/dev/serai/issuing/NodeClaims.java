package dev.serai.issuing;

import dev.serai.claims.Claims;
import dev.serai.claims.ClaimsExtension;
import dev.serai.claims.Privacy;
import dev.serai.spiffe.SpiffeId;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.Map;

/** The claims of nodes in the database: what their certificates may say, in both forms. */
final class NodeClaims {
  private NodeClaims() {}

  static Map<SpiffeId, Claims> load(Connection connection) throws SQLException {
    Map<SpiffeId, Claims> all = new HashMap<>();
    try (PreparedStatement select =
            connection.prepareStatement(
                "SELECT spiffe_id, claims, sensitive FROM issuer_node_claims");
        ResultSet row = select.executeQuery()) {
      while (row.next()) {
        all.put(
            SpiffeId.parse(row.getString(1)),
            claims(Bytes.copyOf(row.getBytes(2)), Bytes.copyOf(row.getBytes(3))));
      }
    }
    return all;
  }

  private static Claims claims(Bytes stored, Bytes sensitive) {
    try {
      Claims claims = ClaimsExtension.decode(stored);
      return sensitive.isEmpty() ? claims : claims.with(ClaimsExtension.decode(sensitive));
    } catch (MalformedStructureException e) {
      throw new IllegalStateException("stored claims cannot be read", e);
    }
  }

  /** In the transaction that saves the node. */
  static void save(Connection connection, AttestedNode node) throws SQLException {
    if (node.claims().isEmpty()) {
      delete(connection, node.id());
      return;
    }
    Claims claims = node.claims().get();
    boolean sensitive =
        claims.geolocation().flatMap(Claims.Geolocation::sensor).isPresent()
            || claims.mnoEndorsement().flatMap(Claims.MnoEndorsement::signed).isPresent();
    try (PreparedStatement upsert =
        connection.prepareStatement(
            "INSERT INTO issuer_node_claims (spiffe_id, claims, sensitive) VALUES (?, ?, ?)"
                + " ON CONFLICT (spiffe_id) DO UPDATE SET claims = excluded.claims,"
                + " sensitive = excluded.sensitive")) {
      upsert.setString(1, node.id().toString());
      upsert.setBytes(2, ClaimsExtension.encode(claims, Privacy.STRICT).toArray());
      upsert.setBytes(
          3, (sensitive ? ClaimsExtension.encode(claims, Privacy.COMPAT) : Bytes.EMPTY).toArray());
      upsert.executeUpdate();
    }
  }

  static void delete(Connection connection, SpiffeId id) throws SQLException {
    try (PreparedStatement delete =
        connection.prepareStatement("DELETE FROM issuer_node_claims WHERE spiffe_id = ?")) {
      delete.setString(1, id.toString());
      delete.executeUpdate();
    }
  }
}
