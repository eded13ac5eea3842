package dev.serai.issuing;

import dev.serai.appraisal.AppraisalRequest;
import dev.serai.appraisal.ChallengeStanding;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.store.Database;
import dev.serai.tpm.Bytes;
import java.security.SecureRandom;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/**
 * Nonces: the issuer's own, short-lived, for one answer on one stream. Used ones are remembered.
 */
final class Challenges {
  /** No challenge lives longer, whatever is configured. */
  static final Duration LONGEST_LIFE = Duration.ofSeconds(60);

  /** How long a late answer is told that it is late, rather than unknown. */
  private static final Duration MEMORY = Duration.ofMinutes(10);

  private static final SecureRandom RANDOM = new SecureRandom();

  private final Database database;
  private final Duration life;
  private final InstantSource clock;

  Challenges(Database database, Duration life, InstantSource clock) {
    if (life.isNegative() || life.isZero() || life.compareTo(LONGEST_LIFE) > 0) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID, "serai.issuer.challenge-ttl is from 1s to 60s");
    }
    this.database = database;
    this.life = life;
    this.clock = clock;
  }

  /** A nonce that was recorded. */
  record Challenge(Bytes nonce, Instant expiresAt) {}

  Challenge issue(String streamId, String nodeId) {
    byte[] random = new byte[AppraisalRequest.NONCE_LENGTH];
    RANDOM.nextBytes(random);
    Challenge challenge = new Challenge(Bytes.copyOf(random), clock.instant().plus(life));
    // Bound to a stream, which ends with this process: no nonce has to outlive a power failure.
    database.writeStep(
        connection -> {
          try (PreparedStatement insert =
              connection.prepareStatement(
                  "INSERT INTO issuer_challenge (nonce, stream_id, node_id, expires_at, used)"
                      + " VALUES (?, ?, ?, ?, 0)")) {
            insert.setString(1, challenge.nonce().toHex());
            insert.setString(2, streamId);
            insert.setString(3, nodeId);
            insert.setLong(4, challenge.expiresAt().toEpochMilli());
            return insert.executeUpdate();
          }
        });
    return challenge;
  }

  /** Uses a nonce up, whatever its standing. Of any number of tries at once one finds it FRESH. */
  ChallengeStanding consume(Bytes nonce, String streamId) {
    if (nonce.isEmpty()) {
      return ChallengeStanding.MISSING;
    }
    return database.writeStep(
        connection -> {
          String name = nonce.toHex();
          int taken;
          try (PreparedStatement take =
              connection.prepareStatement(
                  "UPDATE issuer_challenge SET used = 1 WHERE nonce = ? AND used = 0")) {
            take.setString(1, name);
            taken = take.executeUpdate();
          }
          try (PreparedStatement select =
              connection.prepareStatement(
                  "SELECT stream_id, expires_at FROM issuer_challenge WHERE nonce = ?")) {
            select.setString(1, name);
            try (ResultSet found = select.executeQuery()) {
              if (!found.next()) {
                return ChallengeStanding.UNKNOWN;
              }
              if (taken == 0) {
                return ChallengeStanding.USED;
              }
              if (!found.getString(1).equals(streamId)) {
                return ChallengeStanding.FOREIGN;
              }
              return clock.millis() < found.getLong(2)
                  ? ChallengeStanding.FRESH
                  : ChallengeStanding.EXPIRED;
            }
          }
        });
  }

  void prune() {
    long before = clock.instant().minus(MEMORY).toEpochMilli();
    database.write(
        connection -> {
          try (PreparedStatement delete =
              connection.prepareStatement("DELETE FROM issuer_challenge WHERE expires_at < ?")) {
            delete.setLong(1, before);
            return delete.executeUpdate();
          }
        });
  }
}
