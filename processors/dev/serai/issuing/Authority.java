package dev.serai.issuing;

import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.issuing.Certificates.Issuer;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RoleView.Document;
import dev.serai.signing.MessageSigner;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.Database;
import dev.serai.tpm.Bytes;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The signing authorities of the trust domain, of two uses: one signs certificates, the other one
 * tokens. Of each use at most one is PREPARED, one is ACTIVE, the others are OLD and only checked
 * with. A key is on the disk before what is published of it is recorded; that is in the bundle
 * before the key signs; the record of a change is committed before the change is acted on. So a
 * process may end between any two steps: the next one finds either the old state or the new one,
 * and sweeps up keys that no record names. Both uses are one bundle with one sequence.
 */
public final class Authority {
  private static final Logger LOG = LoggerFactory.getLogger(Authority.class);
  private static final Duration BACKDATE = Duration.ofSeconds(10);

  /** PREPARED is in the bundle, ACTIVE signs, OLD did. */
  enum State {
    PREPARED,
    ACTIVE,
    OLD
  }

  /** What an authority signs. */
  enum Use {
    X509("authority"),
    JWT("JWT authority");

    /** For the dashboard. */
    private final String title;

    Use(String title) {
      this.title = title;
    }

    /** For labels of meters. */
    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The authority that signs certificates now. */
  public record Active(String id, Issuer issuer, Instant notBefore, Instant notAfter) {
    private boolean isValidAt(Instant now) {
      return !now.isBefore(notBefore) && now.isBefore(notAfter);
    }
  }

  /** The key that signs tokens now. */
  record ActiveJwt(String keyId, MessageSigner signer, Instant notBefore, Instant notAfter) {
    private boolean isValidAt(Instant now) {
      return !now.isBefore(notBefore) && now.isBefore(notAfter);
    }
  }

  /**
   * @param published DER of the certificate, or of the public key of tokens
   */
  private record Row(
      Use use, String id, State state, Bytes published, Instant preparedAt, Instant notAfter) {
    boolean isAhead(Instant now) {
      return now.isBefore(preparedAt.minus(BACKDATE));
    }
  }

  private record Snapshot(
      List<Row> rows, Optional<Active> active, Optional<ActiveJwt> activeJwt, TrustBundle bundle) {}

  private final TrustDomain trustDomain;
  private final Database database;
  private final Audit audit;
  private final KeyFiles keys;
  private final Signatures signatures;
  private final RotationSchedule schedule;
  private final InstantSource clock;
  private final List<Runnable> onChange = new CopyOnWriteArrayList<>();
  private volatile Snapshot snapshot;

  private Authority(
      TrustDomain trustDomain,
      Database database,
      Audit audit,
      KeyFiles keys,
      Signatures signatures,
      RotationSchedule schedule,
      InstantSource clock) {
    this.trustDomain = trustDomain;
    this.database = database;
    this.audit = audit;
    this.keys = keys;
    this.signatures = signatures;
    this.schedule = schedule;
    this.clock = clock;
  }

  /** Takes up what is recorded, and makes the first authority of a use that has none. */
  static Authority open(
      TrustDomain trustDomain,
      Database database,
      Audit audit,
      KeyFiles keys,
      Signatures signatures,
      RotationSchedule schedule,
      InstantSource clock) {
    Authority authority =
        new Authority(trustDomain, database, audit, keys, signatures, schedule, clock);
    authority.takeUp();
    authority.rotate();
    return authority;
  }

  /**
   * @throws RefusalException AUTHORITY_UNAVAILABLE when none can sign
   */
  public Active active() {
    return snapshot
        .active()
        .filter(active -> active.isValidAt(clock.instant()))
        .orElseThrow(
            () -> new RefusalException(ReasonCode.AUTHORITY_UNAVAILABLE, "no authority is active"));
  }

  /**
   * @throws RefusalException AUTHORITY_UNAVAILABLE when none can sign
   */
  ActiveJwt activeJwt() {
    return snapshot
        .activeJwt()
        .filter(active -> active.isValidAt(clock.instant()))
        .orElseThrow(
            () ->
                new RefusalException(
                    ReasonCode.AUTHORITY_UNAVAILABLE, "no authority for JWT-SVIDs is active"));
  }

  /** Until when the authority in use may sign, also when that has passed. */
  Optional<Instant> activeUntil(Use use) {
    Snapshot now = snapshot;
    return use == Use.X509
        ? now.active().map(Active::notAfter)
        : now.activeJwt().map(ActiveJwt::notAfter);
  }

  public TrustBundle bundle() {
    return snapshot.bundle();
  }

  /** Every authority of the bundle; another one signs before the active one is late. */
  List<Document> documents() {
    return snapshot.rows().stream()
        .map(
            row ->
                new Document(
                    "%s (%s)".formatted(row.use().title, row.state()),
                    row.id(),
                    row.preparedAt(),
                    row.notAfter(),
                    row.state() == State.ACTIVE
                        ? Optional.of(
                            schedule.activationDue(row.notAfter()).plus(schedule.notice()))
                        : Optional.empty()))
        .toList();
  }

  /** Runs after each change of the bundle or of the active authority. */
  public void onChange(Runnable action) {
    onChange.add(action);
  }

  /** Does what is due: prepares, activates, prunes. Called by the route rotate-authority. */
  public synchronized void rotate() {
    Instant now = clock.instant();
    boolean changed = retireUnusable(now);
    for (Use use : Use.values()) {
      changed |= rotate(use, now);
    }
    changed |= prune(now);
    if (changed) {
      onChange.forEach(Runnable::run);
    }
  }

  private boolean rotate(Use use, Instant now) {
    Optional<Row> active = inState(use, State.ACTIVE);
    Optional<Row> prepared = inState(use, State.PREPARED);
    if (active.isEmpty()) {
      if (prepared.isEmpty()) {
        prepare(use, now);
      }
      activate(use);
      return true;
    }
    Instant notAfter = active.get().notAfter();
    if (prepared.isEmpty() && !now.isBefore(schedule.preparationDue(notAfter))) {
      prepare(use, now);
      return true;
    }
    if (prepared.isPresent()
        && !now.isBefore(schedule.activationDue(notAfter))
        && !now.isBefore(prepared.get().preparedAt().plus(schedule.notice()))) {
      activate(use);
      return true;
    }
    return false;
  }

  private synchronized void takeUp() {
    reload();
    sweepKeys();
  }

  /** Removes the keys that sign no more. */
  private void sweepKeys() {
    keys.keepOnly(
        snapshot.rows().stream()
            .filter(row -> row.state() != State.OLD)
            .map(Row::id)
            .collect(Collectors.toSet()));
  }

  /**
   * An authority that has expired, or whose key is gone, signs no more; nor does one that was made
   * by a clock that was ahead and begins in the future, for nobody would accept what it signs.
   */
  private boolean retireUnusable(Instant now) {
    List<Row> unusable =
        snapshot.rows().stream()
            .filter(row -> row.state() != State.OLD)
            .filter(
                row -> !now.isBefore(row.notAfter()) || row.isAhead(now) || keyOf(row).isEmpty())
            .toList();
    if (unusable.isEmpty()) {
      return false;
    }
    for (Row row : unusable) {
      LOG.warn(
          "authority {} ({}, {}) {}",
          row.id(),
          row.use().word(),
          row.state(),
          row.isAhead(now) ? "begins in the future" : "has expired or lost its key");
    }
    write(
        connection -> {
          for (Row row : unusable) {
            setState(connection, row.id(), State.OLD, now);
            audit.append(connection, event(AuditKind.AUTHORITY_RETIRED, row));
          }
        });
    return true;
  }

  /** An authority's id is random: as serial number of its certificate, as id of its key. */
  private void prepare(Use use, Instant now) {
    KeyPair pair = newKey();
    BigInteger serial = Certificates.newSerial();
    Instant notBefore = now.minus(BACKDATE).truncatedTo(ChronoUnit.SECONDS);
    Instant notAfter = now.plus(schedule.life()).truncatedTo(ChronoUnit.SECONDS);
    Bytes publicKey = Bytes.copyOf(pair.getPublic().getEncoded());
    Bytes published =
        use == Use.JWT
            ? publicKey
            : Certificates.authority(
                trustDomain,
                serial,
                publicKey,
                signatures.signer(pair.getPrivate()),
                notBefore,
                notAfter);
    Row row = new Row(use, serial.toString(16), State.PREPARED, published, now, notAfter);
    keys.write(row.id(), pair.getPrivate());
    write(
        connection -> {
          try (PreparedStatement insert =
              connection.prepareStatement(
                  "INSERT INTO issuer_authority (id, state, certificate, prepared_at, activated_at,"
                      + " not_after, kind) VALUES (?, 'PREPARED', ?, ?, 0, ?, ?)")) {
            insert.setString(1, row.id());
            insert.setBytes(2, published.toArray());
            insert.setLong(3, now.toEpochMilli());
            insert.setLong(4, notAfter.toEpochMilli());
            insert.setString(5, use.name());
            insert.executeUpdate();
          }
          raiseSequence(connection);
          audit.append(connection, event(AuditKind.AUTHORITY_PREPARED, row));
        });
    LOG.info("authority {} ({}) prepared, valid until {}", row.id(), use.word(), notAfter);
  }

  private void activate(Use use) {
    Row next = inState(use, State.PREPARED).orElseThrow();
    Instant now = clock.instant();
    write(
        connection -> {
          for (Row row : snapshot.rows()) {
            if (row.use() == use && row.state() == State.ACTIVE) {
              setState(connection, row.id(), State.OLD, now);
              audit.append(connection, event(AuditKind.AUTHORITY_RETIRED, row));
            }
          }
          setState(connection, next.id(), State.ACTIVE, now);
          audit.append(connection, event(AuditKind.AUTHORITY_ACTIVATED, next));
        });
    sweepKeys();
    LOG.info("authority {} ({}) active until {}", next.id(), use.word(), next.notAfter());
  }

  private boolean prune(Instant now) {
    List<Row> gone =
        snapshot.rows().stream()
            .filter(row -> row.state() == State.OLD)
            .filter(row -> row.notAfter().plus(schedule.keepAfterExpiry()).isBefore(now))
            .toList();
    if (gone.isEmpty()) {
      return false;
    }
    write(
        connection -> {
          for (Row row : gone) {
            try (PreparedStatement delete =
                connection.prepareStatement("DELETE FROM issuer_authority WHERE id = ?")) {
              delete.setString(1, row.id());
              delete.executeUpdate();
            }
            audit.append(connection, event(AuditKind.AUTHORITY_DROPPED, row));
          }
          raiseSequence(connection);
        });
    gone.forEach(row -> LOG.info("authority {} ({}) left the bundle", row.id(), row.use().word()));
    return true;
  }

  private AuditEvent event(AuditKind kind, Row row) {
    return AuditEvent.of(kind, row.id())
        .with("trustDomain", trustDomain.name())
        .with("signs", row.use().word())
        .with("notAfter", row.notAfter().toString());
  }

  private Optional<Row> inState(Use use, State state) {
    return snapshot.rows().stream()
        .filter(row -> row.use() == use && row.state() == state)
        .findFirst();
  }

  private Optional<PrivateKey> keyOf(Row row) {
    return keys.read(row.id());
  }

  /** Statements of one change. */
  private interface Change {
    void in(Connection connection) throws SQLException;
  }

  private void write(Change change) {
    try {
      database.write(
          connection -> {
            change.in(connection);
            return null;
          });
    } finally {
      reload(); // also when the commit's outcome is not known
    }
  }

  private void reload() {
    snapshot = database.read(this::read);
  }

  private Snapshot read(Connection connection) throws SQLException {
    List<Row> rows = new ArrayList<>();
    try (PreparedStatement select =
            connection.prepareStatement(
                "SELECT id, state, certificate, prepared_at, not_after, kind FROM issuer_authority"
                    + " ORDER BY prepared_at, id");
        ResultSet found = select.executeQuery()) {
      while (found.next()) {
        rows.add(
            new Row(
                Use.valueOf(found.getString(6)),
                found.getString(1),
                State.valueOf(found.getString(2)),
                Bytes.copyOf(found.getBytes(3)),
                Instant.ofEpochMilli(found.getLong(4)),
                Instant.ofEpochMilli(found.getLong(5))));
      }
    }
    TrustBundle bundle =
        new TrustBundle(
            trustDomain,
            sequence(connection),
            refreshHint(),
            rows.stream().filter(row -> row.use() == Use.X509).map(Row::published).toList(),
            rows.stream()
                .filter(row -> row.use() == Use.JWT)
                .map(row -> new TrustBundle.JwtKey(row.id(), row.published(), row.notAfter()))
                .toList());
    Optional<Snapshot> known = Optional.ofNullable(snapshot);
    return new Snapshot(
        List.copyOf(rows),
        signing(rows, Use.X509)
            .flatMap(
                row ->
                    known
                        .flatMap(Snapshot::active)
                        .filter(active -> active.id().equals(row.id()))
                        .or(() -> keyOf(row).map(key -> active(row, key)))),
        signing(rows, Use.JWT)
            .flatMap(
                row ->
                    known
                        .flatMap(Snapshot::activeJwt)
                        .filter(active -> active.keyId().equals(row.id()))
                        .or(() -> keyOf(row).map(key -> activeJwt(row, key)))),
        bundle);
  }

  private static Optional<Row> signing(List<Row> rows, Use use) {
    return rows.stream().filter(row -> row.use() == use && row.state() == State.ACTIVE).findFirst();
  }

  private ActiveJwt activeJwt(Row row, PrivateKey key) {
    return new ActiveJwt(
        row.id(), signatures.signer(key), row.preparedAt().minus(BACKDATE), row.notAfter());
  }

  private Active active(Row row, PrivateKey key) {
    X509Certificate certificate = Certificates.decode(row.published());
    Bytes name = Bytes.copyOf(certificate.getSubjectX500Principal().getEncoded());
    Bytes keyId = Bytes.copyOf(Certificates.keyId(certificate.getPublicKey().getEncoded()));
    return new Active(
        row.id(),
        new Issuer(name, keyId, signatures.signer(key)),
        certificate.getNotBefore().toInstant(),
        row.notAfter());
  }

  /** Short against the time an authority is in the bundle before it signs. */
  private Duration refreshHint() {
    Duration hint = schedule.life().dividedBy(10);
    Duration most = Duration.ofMinutes(5);
    return hint.compareTo(most) < 0 ? hint : most;
  }

  private long sequence(Connection connection) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement("SELECT sequence FROM issuer_bundle WHERE trust_domain = ?")) {
      select.setString(1, trustDomain.name());
      try (ResultSet found = select.executeQuery()) {
        return found.next() ? found.getLong(1) : 0;
      }
    }
  }

  private void raiseSequence(Connection connection) throws SQLException {
    try (PreparedStatement upsert =
        connection.prepareStatement(
            "INSERT INTO issuer_bundle (trust_domain, sequence) VALUES (?, 1)"
                + " ON CONFLICT (trust_domain) DO UPDATE SET sequence ="
                + " issuer_bundle.sequence + 1")) {
      upsert.setString(1, trustDomain.name());
      upsert.executeUpdate();
    }
  }

  private static void setState(Connection connection, String id, State state, Instant now)
      throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE issuer_authority SET state = ?, activated_at = CASE WHEN ? = 'ACTIVE' THEN ?"
                + " ELSE activated_at END WHERE id = ?")) {
      update.setString(1, state.name());
      update.setString(2, state.name());
      update.setLong(3, now.toEpochMilli());
      update.setString(4, id);
      update.executeUpdate();
    }
  }

  private static KeyPair newKey() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no P-256", e);
    }
  }
}
