package dev.serai.issuing;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.serai.appraisal.EnrolmentBans;
import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.issuing.AttestedNode.Appraised;
import dev.serai.issuing.AttestedNode.Certificate;
import dev.serai.proto.spire.types.SelectorMatch;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.store.Database;
import dev.serai.store.Turns;
import java.math.BigInteger;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * Attested nodes, what the verifier says about them, and banned TPMs: on disk, and in memory for
 * the question that every call asks. A change is committed before anybody can see it. When a write
 * fails, memory is read from the disk again, and until it can be, every question fails. One writer
 * at a time.
 */
final class NodeStore {
  private static final Duration CLOCK_SKEW = Duration.ofMinutes(1);
  private final Database database;
  private final Turns turn = new Turns("the node records", 1);
  private final Audit audit;
  private final ChangeFeed feed;
  private final InstantSource clock;
  private final Supplier<Optional<EnrolmentBans>> registrar;
  private final NavigableMap<SpiffeId, AttestedNode> nodes = new ConcurrentSkipListMap<>();
  private final Map<String, NodeStanding> standings = new ConcurrentHashMap<>();
  private final Map<String, Long> rejections = new ConcurrentHashMap<>();
  private final Set<String> bannedEks = ConcurrentHashMap.newKeySet();

  /** A write failed and may be on disk all the same: memory counts only once it is read again. */
  private volatile boolean doubtful;

  /**
   * @param registrar the registrar of the same process, so that a banned TPM may not even enrol
   */
  NodeStore(
      Database database,
      Audit audit,
      ChangeFeed feed,
      InstantSource clock,
      Supplier<Optional<EnrolmentBans>> registrar) {
    this.registrar = registrar;
    this.database = database;
    this.audit = audit;
    this.feed = feed;
    this.clock = clock;
    readAgain();
  }

  private <T> T write(Database.Work<T> work) {
    sure();
    try {
      return database.write(work);
    } catch (RuntimeException e) {
      doubtful = true;
      try {
        sure();
      } catch (RuntimeException unread) {
        e.addSuppressed(unread); // by whoever asks next, who is refused until it can be read
      }
      throw e;
    }
  }

  /**
   * @throws dev.serai.store.DatabaseException when what is in memory may be wrong and the disk does
   *     not answer
   */
  private void sure() {
    if (doubtful) {
      turn.run(
          () -> {
            if (doubtful) {
              readAgain();
            }
          });
    }
  }

  /** What is new is there before what is gone goes: nobody sees less than the one or the other. */
  private void readAgain() {
    Map<SpiffeId, AttestedNode> nodesRead = new HashMap<>();
    Map<String, NodeStanding> standingsRead = new HashMap<>();
    Set<String> bansRead = new HashSet<>();
    database.read(
        connection -> {
          loadNodes(connection, nodesRead);
          loadStandings(connection, standingsRead);
          loadBans(connection, bansRead);
          return null;
        });
    Set<SpiffeId> concerned = new HashSet<>(nodes.keySet());
    concerned.addAll(nodesRead.keySet());
    concerned.removeIf(
        id ->
            Objects.equals(nodes.get(id), nodesRead.get(id))
                && nodesRead
                    .get(id)
                    .appraised()
                    .filter(
                        a ->
                            bannedEks.contains(a.ekName()) != bansRead.contains(a.ekName())
                                || !Objects.equals(
                                    standings.get(a.nodeId()), standingsRead.get(a.nodeId())))
                    .isEmpty());
    bannedEks.addAll(bansRead);
    bannedEks.retainAll(bansRead);
    standings.putAll(standingsRead);
    standings.keySet().retainAll(standingsRead.keySet());
    nodes.putAll(nodesRead);
    nodes.keySet().retainAll(nodesRead.keySet());
    doubtful = false;
    concerned.forEach(feed::nodeChanged);
  }

  Optional<AttestedNode> find(SpiffeId id) {
    sure();
    return Optional.ofNullable(nodes.get(id));
  }

  Optional<AttestedNode> findByNodeId(String nodeId) {
    sure();
    return nodes.values().stream()
        .filter(node -> node.appraised().filter(a -> a.nodeId().equals(nodeId)).isPresent())
        .findFirst();
  }

  /** In the order of their ids. */
  List<AttestedNode> all() {
    sure();
    return List.copyOf(nodes.values());
  }

  /** In the order of their ids, from the one after this. */
  Iterable<AttestedNode> after(SpiffeId id) {
    sure();
    return nodes.tailMap(id, false).values();
  }

  Optional<NodeStanding> standing(String nodeId) {
    sure();
    return Optional.ofNullable(standings.get(nodeId));
  }

  boolean isEkBanned(String ekName) {
    sure();
    return bannedEks.contains(ekName);
  }

  boolean isBanned(AttestedNode node) {
    return node.banned() || node.appraised().filter(a -> isEkBanned(a.ekName())).isPresent();
  }

  /**
   * A node attested: makes its record, or renews it. The verifier's word is good from here on.
   *
   * @param event recorded together with it
   * @throws RefusalException NODE_BANNED
   */
  void recordAttested(AttestedNode node, AuditEvent event) {
    turn.run(() -> recordAttestedInTurn(node, event));
  }

  /**
   * The same for a node that was appraised.
   *
   * @param rejectionsSeen {@link #rejections} of the node before the verifier was asked
   * @throws RefusalException NODE_MUST_REATTEST when the verifier has rejected the node meanwhile:
   *     the newer word counts
   */
  void recordAttested(AttestedNode node, AuditEvent event, long rejectionsSeen) {
    turn.run(
        () -> {
          String nodeId = node.appraised().map(AttestedNode.Appraised::nodeId).orElse("");
          if (rejections(nodeId) != rejectionsSeen) {
            throw new RefusalException(
                ReasonCode.NODE_MUST_REATTEST, "the node was rejected while it attested");
          }
          recordAttestedInTurn(node, event);
        });
  }

  /** How often the verifier has rejected this node since this process began. */
  long rejections(String nodeId) {
    return rejections.getOrDefault(nodeId, 0L);
  }

  private void recordAttestedInTurn(AttestedNode node, AuditEvent event) {
    sure();
    AttestedNode before = nodes.get(node.id());
    boolean ekBanned = node.appraised().filter(a -> isEkBanned(a.ekName())).isPresent();
    if (ekBanned || (before != null && isBanned(before))) {
      throw NodeGate.banned("failed to attest: agent is banned");
    }
    Optional<NodeStanding> standing = node.appraised().map(a -> trusted(a.nodeId()));
    write(
        connection -> {
          save(connection, node);
          if (standing.isPresent()) {
            save(connection, standing.get());
          }
          audit.append(connection, event);
          return null;
        });
    nodes.put(node.id(), node);
    standing.ifPresent(s -> standings.put(s.nodeId(), s));
    feed.nodeChanged(node.id());
  }

  /**
   * Trusted by a verdict just given. Its time is that of the last report, on the verifier's clock:
   * were it ours, a clock ahead of the verifier's would have us pass over its next rejection. A
   * report that was under way may be applied after it; then the node attests once more.
   */
  private NodeStanding trusted(String nodeId) {
    Instant lastReport = standing(nodeId).map(NodeStanding::at).orElse(Instant.EPOCH);
    return new NodeStanding(nodeId, NodeStanding.State.TRUSTED, List.of(), lastReport);
  }

  /** The certificate proved to be in use: the one before it is over. */
  AttestedNode promote(SpiffeId id, BigInteger serial) {
    return turn.in(() -> promoteInTurn(id, serial));
  }

  private AttestedNode promoteInTurn(SpiffeId id, BigInteger serial) {
    sure();
    AttestedNode node = nodes.get(id);
    if (node == null || node.fresh().filter(f -> f.serial().equals(serial)).isEmpty()) {
      return node;
    }
    return replace(node.promoted(), Optional.empty());
  }

  /** What nobody has to answer for. */
  Optional<AttestedNode> change(SpiffeId id, UnaryOperator<AttestedNode> change) {
    return turn.in(() -> changeInTurn(id, change, Optional.empty()));
  }

  /**
   * @param event recorded together with it
   */
  Optional<AttestedNode> change(SpiffeId id, UnaryOperator<AttestedNode> change, AuditEvent event) {
    return turn.in(() -> changeInTurn(id, change, Optional.of(event)));
  }

  private Optional<AttestedNode> changeInTurn(
      SpiffeId id, UnaryOperator<AttestedNode> change, Optional<AuditEvent> event) {
    sure();
    AttestedNode node = nodes.get(id);
    if (node == null) {
      return Optional.empty();
    }
    AttestedNode changed = replace(change.apply(node), event);
    feed.nodeChanged(changed.id());
    return Optional.of(changed);
  }

  private AttestedNode replace(AttestedNode changed, Optional<AuditEvent> event) {
    write(
        connection -> {
          save(connection, changed);
          if (event.isPresent()) {
            audit.append(connection, event.get());
          }
          return null;
        });
    nodes.put(changed.id(), changed);
    return changed;
  }

  /** Forgets the node; a ban of its TPM stays. False when there was none. */
  boolean delete(SpiffeId id) {
    return turn.in(() -> deleteInTurn(id, AuditKind.NODE_EVICTED));
  }

  private boolean deleteInTurn(SpiffeId id, AuditKind kind) {
    sure();
    AttestedNode node = nodes.get(id);
    if (node == null) {
      return false;
    }
    write(
        connection -> {
          execute(connection, "DELETE FROM issuer_node WHERE spiffe_id = ?", id.toString());
          NodeClaims.delete(connection, id);
          if (node.appraised().isPresent()) {
            execute(
                connection,
                "DELETE FROM issuer_standing WHERE node_id = ?",
                node.appraised().get().nodeId());
          }
          audit.append(connection, AuditEvent.of(kind, id.toString()));
          return null;
        });
    nodes.remove(id);
    node.appraised().ifPresent(a -> standings.remove(a.nodeId()));
    feed.nodeChanged(id);
    return true;
  }

  /** Refuses a TPM under whatever node id, and the node it is known as. */
  void banEk(String ekName) {
    turn.run(() -> banEkInTurn(ekName));
  }

  private void banEkInTurn(String ekName) {
    long now = clock.millis();
    write(
        connection -> {
          try (PreparedStatement insert =
              connection.prepareStatement(
                  "INSERT INTO issuer_ek_ban (ek_name, banned_at) VALUES (?, ?)"
                      + " ON CONFLICT (ek_name) DO NOTHING")) {
            insert.setString(1, ekName);
            insert.setLong(2, now);
            insert.executeUpdate();
            audit.append(connection, AuditEvent.of(AuditKind.NODE_BANNED, "ek:" + ekName));
          }
          return registrar.get().map(bans -> bans.ban(ekName));
        });
    bannedEks.add(ekName);
    announce(ekName);
  }

  void unbanEk(String ekName) {
    turn.run(() -> unbanEkInTurn(ekName));
  }

  private void unbanEkInTurn(String ekName) {
    write(
        connection -> {
          execute(connection, "DELETE FROM issuer_ek_ban WHERE ek_name = ?", ekName);
          audit.append(connection, AuditEvent.of(AuditKind.NODE_UNBANNED, "ek:" + ekName));
          return registrar.get().map(bans -> bans.unban(ekName));
        });
    bannedEks.remove(ekName);
    announce(ekName);
  }

  private void announce(String ekName) {
    for (AttestedNode node : nodes.values()) {
      if (node.appraised().filter(a -> a.ekName().equals(ekName)).isPresent()) {
        feed.nodeChanged(node.id());
      }
    }
  }

  /**
   * The verifier's word. That a node is trusted changes nothing when it is not newer than what is
   * known; but what is known from a time that has not come is from a clock that was ahead, and
   * holds back only what is from there too. A rejection counts whenever it comes: the verifier says
   * it once, and one that was overtaken costs the node an attestation.
   */
  void apply(NodeStanding standing) {
    turn.run(() -> applyInTurn(standing));
  }

  private void applyInTurn(NodeStanding said) {
    sure();
    NodeStanding known = standings.get(said.nodeId());
    boolean older = known != null && !said.at().isAfter(known.at());
    boolean clockCameBack = known != null && isAhead(known.at()) && !isAhead(said.at());
    if (older && !clockCameBack && said.state() == NodeStanding.State.TRUSTED) {
      return;
    }
    NodeStanding standing =
        older && !clockCameBack
            ? new NodeStanding(said.nodeId(), said.state(), said.reasons(), known.at())
            : said;
    if (standing.state() == NodeStanding.State.UNTRUSTED) {
      rejections.merge(standing.nodeId(), 1L, Long::sum);
    }
    write(
        connection -> {
          save(connection, standing);
          audit.append(
              connection,
              AuditEvent.of(AuditKind.NODE_STANDING, standing.nodeId())
                  .because(standing.reasons())
                  .with("state", standing.state().name())
                  .with("was", known == null ? "" : known.state().name())
                  .with("reportedAt", said.at().toString()));
          return null;
        });
    standings.put(standing.nodeId(), standing);
    if (known == null || known.state() != standing.state()) {
      findByNodeId(standing.nodeId()).ifPresent(node -> feed.nodeChanged(node.id()));
    }
  }

  private boolean isAhead(Instant at) {
    return at.isAfter(clock.instant().plus(CLOCK_SKEW));
  }

  /**
   * Drops nodes whose certificates ran out before this; banned ones stay.
   *
   * @param awaited that stay too
   */
  void prune(Instant expiredBefore, Predicate<AttestedNode> awaited) {
    turn.run(() -> pruneInTurn(expiredBefore, awaited));
  }

  private void pruneInTurn(Instant expiredBefore, Predicate<AttestedNode> awaited) {
    sure();
    nodes.values().stream()
        .filter(node -> !isBanned(node))
        .filter(node -> node.latest().notAfter().isBefore(expiredBefore))
        .filter(node -> !awaited.test(node))
        .map(AttestedNode::id)
        .toList()
        .forEach(id -> deleteInTurn(id, AuditKind.NODE_EXPIRED));
  }

  private static void loadNodes(Connection connection, Map<SpiffeId, AttestedNode> nodes)
      throws SQLException {
    try (PreparedStatement select =
            connection.prepareStatement(
                "SELECT spiffe_id, attestation_type, node_id, ek_name, ak_name, current_serial,"
                    + " current_expires_at, new_serial, new_expires_at, selectors, banned,"
                    + " can_reattest, agent_version, attested_at, current_key, new_key,"
                    + " earlier_keys FROM issuer_node");
        ResultSet row = select.executeQuery()) {
      while (row.next()) {
        AttestedNode node = node(row);
        nodes.put(node.id(), node);
      }
    }
    NodeClaims.load(connection)
        .forEach(
            (id, claims) -> nodes.computeIfPresent(id, (same, node) -> node.withClaims(claims)));
  }

  private static AttestedNode node(ResultSet row) throws SQLException {
    String nodeId = row.getString(3);
    String fresh = row.getString(8);
    String earlier = row.getString(17);
    return new AttestedNode(
        SpiffeId.parse(row.getString(1)),
        row.getString(2),
        nodeId.isEmpty()
            ? Optional.empty()
            : Optional.of(new Appraised(nodeId, row.getString(4), row.getString(5))),
        new Certificate(
            new BigInteger(row.getString(6)),
            Instant.ofEpochMilli(row.getLong(7)),
            row.getString(15)),
        fresh.isEmpty()
            ? Optional.empty()
            : Optional.of(
                new Certificate(
                    new BigInteger(fresh),
                    Instant.ofEpochMilli(row.getLong(9)),
                    row.getString(16))),
        selectors(row.getBytes(10)),
        row.getInt(11) != 0,
        row.getInt(12) != 0,
        row.getString(13),
        Instant.ofEpochMilli(row.getLong(14)),
        earlier.isEmpty() ? List.of() : List.of(earlier.split(" ", -1)),
        Optional.empty());
  }

  private static Set<Selector> selectors(byte[] message) {
    try {
      Set<Selector> selectors = new HashSet<>();
      for (var selector : SelectorMatch.parseFrom(message).getSelectorsList()) {
        selectors.add(new Selector(selector.getType(), selector.getValue()));
      }
      return selectors;
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("stored selectors cannot be read", e);
    }
  }

  private static void loadStandings(Connection connection, Map<String, NodeStanding> standings)
      throws SQLException {
    try (PreparedStatement select =
            connection.prepareStatement(
                "SELECT node_id, state, reasons, reported_at FROM issuer_standing");
        ResultSet row = select.executeQuery()) {
      while (row.next()) {
        standings.put(
            row.getString(1),
            new NodeStanding(
                row.getString(1),
                NodeStanding.State.valueOf(row.getString(2)),
                reasons(row.getString(3)),
                Instant.ofEpochMilli(row.getLong(4))));
      }
    }
  }

  private static void loadBans(Connection connection, Set<String> bannedEks) throws SQLException {
    try (PreparedStatement select =
            connection.prepareStatement("SELECT ek_name FROM issuer_ek_ban");
        ResultSet row = select.executeQuery()) {
      while (row.next()) {
        bannedEks.add(row.getString(1));
      }
    }
  }

  private static List<Reason> reasons(String lines) {
    List<Reason> reasons = new ArrayList<>();
    for (String line : lines.split("\n", -1)) {
      if (!line.isEmpty()) {
        int space = line.indexOf(' ');
        reasons.add(
            new Reason(ReasonCode.valueOf(line.substring(0, space)), line.substring(space + 1)));
      }
    }
    return reasons;
  }

  private static void save(Connection connection, NodeStanding standing) throws SQLException {
    StringBuilder lines = new StringBuilder();
    for (Reason reason : standing.reasons()) {
      lines
          .append(reason.code())
          .append(' ')
          .append(reason.detail().replace('\n', ' '))
          .append('\n');
    }
    try (PreparedStatement upsert =
        connection.prepareStatement(
            "INSERT INTO issuer_standing (node_id, state, reasons, reported_at)"
                + " VALUES (?, ?, ?, ?) ON CONFLICT (node_id) DO UPDATE SET"
                + " state = excluded.state, reasons = excluded.reasons,"
                + " reported_at = excluded.reported_at")) {
      upsert.setString(1, standing.nodeId());
      upsert.setString(2, standing.state().name());
      upsert.setString(3, lines.toString());
      upsert.setLong(4, standing.at().toEpochMilli());
      upsert.executeUpdate();
    }
  }

  private static void save(Connection connection, AttestedNode node) throws SQLException {
    SelectorMatch.Builder selectors = SelectorMatch.newBuilder();
    for (Selector selector : new TreeSet<>(node.selectors())) {
      selectors.addSelectorsBuilder().setType(selector.type()).setValue(selector.value());
    }
    try (PreparedStatement upsert =
        connection.prepareStatement(
            "INSERT INTO issuer_node (spiffe_id, attestation_type, node_id, ek_name, ak_name,"
                + " current_serial, current_expires_at, new_serial, new_expires_at, selectors,"
                + " banned, can_reattest, agent_version, attested_at, current_key, new_key,"
                + " earlier_keys)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                + " ON CONFLICT (spiffe_id) DO UPDATE SET"
                + " attestation_type = excluded.attestation_type, node_id = excluded.node_id,"
                + " ek_name = excluded.ek_name, ak_name = excluded.ak_name,"
                + " current_serial = excluded.current_serial,"
                + " current_expires_at = excluded.current_expires_at,"
                + " new_serial = excluded.new_serial, new_expires_at = excluded.new_expires_at,"
                + " selectors = excluded.selectors, banned = excluded.banned,"
                + " can_reattest = excluded.can_reattest,"
                + " agent_version = excluded.agent_version, attested_at = excluded.attested_at,"
                + " current_key = excluded.current_key, new_key = excluded.new_key,"
                + " earlier_keys = excluded.earlier_keys")) {
      Optional<Appraised> appraised = node.appraised();
      Optional<Certificate> fresh = node.fresh();
      upsert.setString(1, node.id().toString());
      upsert.setString(2, node.attestationType());
      upsert.setString(3, appraised.map(Appraised::nodeId).orElse(""));
      upsert.setString(4, appraised.map(Appraised::ekName).orElse(""));
      upsert.setString(5, appraised.map(Appraised::akName).orElse(""));
      upsert.setString(6, node.current().serial().toString());
      upsert.setLong(7, node.current().notAfter().toEpochMilli());
      upsert.setString(8, fresh.map(f -> f.serial().toString()).orElse(""));
      upsert.setLong(9, fresh.map(f -> f.notAfter().toEpochMilli()).orElse(0L));
      upsert.setBytes(10, selectors.build().toByteArray());
      upsert.setInt(11, node.banned() ? 1 : 0);
      upsert.setInt(12, node.canReattest() ? 1 : 0);
      upsert.setString(13, node.agentVersion());
      upsert.setLong(14, node.attestedAt().toEpochMilli());
      upsert.setString(15, node.current().key());
      upsert.setString(16, fresh.map(Certificate::key).orElse(""));
      upsert.setString(17, String.join(" ", node.earlierKeys()));
      upsert.executeUpdate();
    }
    NodeClaims.save(connection, node);
  }

  private static void execute(Connection connection, String sql, String key) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, key);
      statement.executeUpdate();
    }
  }
}
