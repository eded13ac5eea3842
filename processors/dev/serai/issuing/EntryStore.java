package dev.serai.issuing;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.proto.spire.types.Entry;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.Database;
import dev.serai.store.Turns;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.UnaryOperator;

/**
 * Registration entries on disk, and their index. A change is committed, then in the index, then in
 * the feed. One writer at a time.
 */
final class EntryStore {
  private final Database database;
  private final Turns turn = new Turns("the entries", 1);
  private final EntryRules rules;
  private final EntryIndex index;
  private final Audit audit;
  private final ChangeFeed feed;
  private final InstantSource clock;

  EntryStore(
      TrustDomain trustDomain,
      Database database,
      Audit audit,
      ChangeFeed feed,
      InstantSource clock) {
    this.database = database;
    this.audit = audit;
    this.rules = new EntryRules(trustDomain);
    this.index = new EntryIndex(trustDomain);
    this.feed = feed;
    this.clock = clock;
    load().forEach(index::put);
    feed.follow(index);
  }

  EntryIndex index() {
    return index;
  }

  /** What came of a wish to create. */
  record Created(RegisteredEntry entry, boolean isNew) {}

  /** Takes it, or finds the similar one that is there. @throws RefusalException ENTRY_INVALID */
  Created create(Entry wished) {
    return turn.in(() -> createInTurn(wished));
  }

  private Created createInTurn(Entry wished) {
    Entry checked = rules.checked(wished);
    long now = clock.instant().getEpochSecond();
    String id = checked.getId().isEmpty() ? UUID.randomUUID().toString() : checked.getId();
    RegisteredEntry entry =
        RegisteredEntry.of(
            checked.toBuilder().setId(id).setRevisionNumber(0).setCreatedAt(now).build());
    Optional<RegisteredEntry> present = index.find(id).or(() -> similar(entry));
    if (present.isPresent()) {
      return new Created(present.get(), false);
    }
    database.write(
        connection -> {
          insert(connection, entry);
          audit.append(connection, event(AuditKind.ENTRY_CREATED, entry));
          return null;
        });
    index.put(entry);
    feed.entryChanged(entry);
    return new Created(entry, true);
  }

  /**
   * Changes an entry; its revision rises by one.
   *
   * @return empty when there is no such entry
   * @throws RefusalException ENTRY_INVALID, or ENTRY_EXISTS when it becomes similar to another
   */
  Optional<RegisteredEntry> update(String id, UnaryOperator<Entry> change) {
    return turn.in(() -> updateInTurn(id, change));
  }

  private Optional<RegisteredEntry> updateInTurn(String id, UnaryOperator<Entry> change) {
    Optional<RegisteredEntry> found = index.find(id);
    if (found.isEmpty()) {
      return Optional.empty();
    }
    RegisteredEntry before = found.get();
    Entry checked = rules.checked(change.apply(before.message()));
    RegisteredEntry after =
        RegisteredEntry.of(
            checked.toBuilder()
                .setId(id)
                .setRevisionNumber(before.message().getRevisionNumber() + 1)
                .setCreatedAt(before.message().getCreatedAt())
                .build());
    if (similar(after).filter(other -> !other.id().equals(id)).isPresent()) {
      throw new RefusalException(ReasonCode.ENTRY_EXISTS, "similar entry already exists");
    }
    database.write(
        connection -> {
          replace(connection, after);
          audit.append(connection, event(AuditKind.ENTRY_UPDATED, after));
          return null;
        });
    index.put(after);
    feed.entryChanged(before);
    feed.entryChanged(after);
    return Optional.of(after);
  }

  /** False when there was none. */
  boolean delete(String id) {
    return turn.in(() -> deleteInTurn(id));
  }

  private boolean deleteInTurn(String id) {
    Optional<RegisteredEntry> found = index.find(id);
    if (found.isEmpty()) {
      return false;
    }
    remove(found.get(), AuditKind.ENTRY_DELETED);
    return true;
  }

  /** Drops what has expired. */
  void prune() {
    turn.run(() -> pruneInTurn());
  }

  private void pruneInTurn() {
    Instant now = clock.instant();
    index.all().stream()
        .filter(entry -> entry.isExpired(now))
        .toList()
        .forEach(entry -> remove(entry, AuditKind.ENTRY_EXPIRED));
  }

  /** What the entry says is its digest: whole sets of selectors stay out of the log. */
  private static AuditEvent event(AuditKind kind, RegisteredEntry entry) {
    return AuditEvent.of(kind, entry.spiffeId().toString())
        .with("entry", entry.id())
        .with("parent", entry.parentId().toString())
        .with("revision", entry.message().getRevisionNumber())
        .with("selectors", (long) entry.selectors().size())
        .with("content", AuditEvent.sha256(entry.message().toByteArray()));
  }

  private void remove(RegisteredEntry entry, AuditKind kind) {
    database.write(
        connection -> {
          try (PreparedStatement delete =
              connection.prepareStatement("DELETE FROM issuer_entry WHERE id = ?")) {
            delete.setString(1, entry.id());
            int count = delete.executeUpdate();
            audit.append(connection, event(kind, entry));
            return count;
          }
        });
    feed.entryChanging(entry, () -> index.remove(entry.id()));
  }

  private Optional<RegisteredEntry> similar(RegisteredEntry entry) {
    return database
        .read(
            connection -> {
              try (PreparedStatement select =
                  connection.prepareStatement("SELECT id FROM issuer_entry WHERE similarity = ?")) {
                select.setString(1, entry.similarity());
                try (ResultSet found = select.executeQuery()) {
                  return found.next() ? Optional.of(found.getString(1)) : Optional.<String>empty();
                }
              }
            })
        .flatMap(index::find);
  }

  private List<RegisteredEntry> load() {
    return database.read(
        connection -> {
          List<RegisteredEntry> entries = new ArrayList<>();
          try (PreparedStatement select =
                  connection.prepareStatement("SELECT message FROM issuer_entry");
              ResultSet found = select.executeQuery()) {
            while (found.next()) {
              entries.add(RegisteredEntry.of(decoded(found.getBytes(1))));
            }
          }
          return entries;
        });
  }

  private static Entry decoded(byte[] message) {
    try {
      return Entry.parseFrom(message);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("a stored entry cannot be read", e);
    }
  }

  private static void insert(Connection connection, RegisteredEntry entry) throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO issuer_entry (similarity, parent_id, expires_at, revision, message, id)"
                + " VALUES (?, ?, ?, ?, ?, ?)")) {
      fill(insert, entry);
    }
  }

  private static void replace(Connection connection, RegisteredEntry entry) throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE issuer_entry SET similarity = ?, parent_id = ?, expires_at = ?, revision = ?,"
                + " message = ? WHERE id = ?")) {
      fill(update, entry);
    }
  }

  private static void fill(PreparedStatement statement, RegisteredEntry entry) throws SQLException {
    statement.setString(1, entry.similarity());
    statement.setString(2, entry.parentId().toString());
    statement.setLong(3, entry.message().getExpiresAt() * 1000);
    statement.setLong(4, entry.message().getRevisionNumber());
    statement.setBytes(5, entry.message().toByteArray());
    statement.setString(6, entry.id());
    statement.executeUpdate();
  }
}
