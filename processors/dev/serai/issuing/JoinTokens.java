package dev.serai.issuing;

import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.store.Database;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;

/** Secrets that admit one agent, once. Only their digests are kept. */
final class JoinTokens {
  private static final Pattern LAWFUL = Pattern.compile("[A-Za-z0-9._-]{1,255}");

  private final Database database;
  private final Audit audit;
  private final InstantSource clock;

  JoinTokens(Database database, Audit audit, InstantSource clock) {
    this.database = database;
    this.audit = audit;
    this.clock = clock;
  }

  /** A token and when it expires. */
  record Token(String value, Instant expiresAt) {
    @Override
    public String toString() {
      return "Token[until " + expiresAt + "]";
    }
  }

  /**
   * @throws RefusalException MALFORMED_REQUEST when the wished value will not do
   */
  Token create(Optional<String> wished, Duration life) {
    if (life.toSeconds() < 1) {
      throw new RefusalException(
          ReasonCode.MALFORMED_REQUEST, "ttl is required, you must provide one");
    }
    String value = wished.orElseGet(() -> UUID.randomUUID().toString());
    if (!LAWFUL.matcher(value).matches() || value.chars().allMatch(c -> c == '.')) {
      throw new RefusalException(
          ReasonCode.MALFORMED_REQUEST,
          "token must be 1 to 255 of letters, numbers, dots, dashes, underscores");
    }
    Instant expiresAt = clock.instant().plus(life);
    int made =
        database.write(
            connection -> {
              try (PreparedStatement insert =
                  connection.prepareStatement(
                      "INSERT INTO issuer_join_token (digest, expires_at) VALUES (?, ?)"
                          + " ON CONFLICT (digest) DO NOTHING")) {
                insert.setString(1, Digests.sha256Hex(value));
                insert.setLong(2, expiresAt.toEpochMilli());
                int count = insert.executeUpdate();
                if (count == 1) {
                  audit.append(
                      connection,
                      AuditEvent.of(AuditKind.TOKEN_CREATED, AuditEvent.digestOf(value))
                          .with("expiresAt", expiresAt.toString()));
                }
                return count;
              }
            });
    if (made != 1) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, "token already exists");
    }
    return new Token(value, expiresAt);
  }

  /**
   * Uses a token up. Of any number of tries at once one succeeds; an expired one is used up too.
   *
   * @throws RefusalException JOIN_TOKEN_UNKNOWN or JOIN_TOKEN_EXPIRED
   */
  void redeem(String value) {
    Optional<Long> expiresAt =
        database.write(
            connection -> {
              try (PreparedStatement take =
                  connection.prepareStatement(
                      "DELETE FROM issuer_join_token WHERE digest = ? RETURNING expires_at")) {
                take.setString(1, Digests.sha256Hex(value));
                try (ResultSet taken = take.executeQuery()) {
                  if (!taken.next()) {
                    return Optional.<Long>empty();
                  }
                  long until = taken.getLong(1);
                  audit.append(
                      connection,
                      AuditEvent.of(AuditKind.TOKEN_USED, AuditEvent.digestOf(value))
                          .with("expired", clock.millis() >= until));
                  return Optional.of(until);
                }
              }
            });
    if (expiresAt.isEmpty()) {
      throw new RefusalException(
          ReasonCode.JOIN_TOKEN_UNKNOWN,
          "failed to attest: join token does not exist or has already been used");
    }
    if (clock.millis() >= expiresAt.get()) {
      throw new RefusalException(ReasonCode.JOIN_TOKEN_EXPIRED, "join token expired");
    }
  }

  void prune() {
    long now = clock.millis();
    database.write(
        connection -> {
          try (PreparedStatement delete =
              connection.prepareStatement("DELETE FROM issuer_join_token WHERE expires_at < ?")) {
            delete.setLong(1, now);
            return delete.executeUpdate();
          }
        });
  }
}
