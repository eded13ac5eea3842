package dev.serai.watching;

import dev.serai.appraisal.AppraisalRequest;
import dev.serai.appraisal.ChallengeStanding;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * Nonces for evidence in the prototype's form: ours, used once, short-lived, each for one caller
 * and one node. They live in memory: one that a restart forgot is unknown, and the caller asks for
 * another. Safe for any thread.
 */
final class EvidenceNonces {
  /** Open ones of one caller; it uses them within seconds or has no use for them. */
  static final int MOST_OF_CALLER = 1_000;

  static final int MOST = 20_000;
  private static final SecureRandom RANDOM = new SecureRandom();

  private final Duration life;
  private final InstantSource clock;

  // Guarded by this; in the order of issue, which is that of their ends.
  private final Map<Bytes, Issued> issued = new LinkedHashMap<>();
  private final Set<Bytes> used = new LinkedHashSet<>(); // of those, in the order of their use
  private final Map<String, Integer> openOfCaller = new HashMap<>();

  private static final class Issued {
    private final String caller;
    private final String nodeId;
    private final Instant expiresAt;

    Issued(String caller, String nodeId, Instant expiresAt) {
      this.caller = caller;
      this.nodeId = nodeId;
      this.expiresAt = expiresAt;
    }
  }

  EvidenceNonces(Duration life, InstantSource clock) {
    this.life = life;
    this.clock = clock;
  }

  /** One that was given out. */
  record Nonce(Bytes value, Instant expiresAt) {}

  /**
   * @throws RefusalException RATE_LIMITED when this caller, or all together, hold too many
   */
  synchronized Nonce give(String caller, String nodeId) {
    Instant now = clock.instant();
    forgetEnded(now);
    if (openOfCaller.getOrDefault(caller, 0) >= MOST_OF_CALLER
        || issued.size() >= MOST && !forgetUsed()) {
      throw new RefusalException(ReasonCode.RATE_LIMITED, "too many nonces wait for their answer");
    }
    byte[] random = new byte[AppraisalRequest.NONCE_LENGTH];
    RANDOM.nextBytes(random);
    Nonce nonce = new Nonce(Bytes.copyOf(random), now.plus(life));
    issued.put(nonce.value(), new Issued(caller, nodeId, nonce.expiresAt()));
    openOfCaller.merge(caller, 1, Integer::sum);
    return nonce;
  }

  /** Uses a nonce up, whatever its standing. Of any number of tries one finds it FRESH. */
  synchronized ChallengeStanding consume(Bytes nonce, String caller, String nodeId) {
    if (nonce.isEmpty()) {
      return ChallengeStanding.MISSING;
    }
    Issued known = issued.get(nonce);
    if (known == null) {
      return ChallengeStanding.UNKNOWN;
    }
    if (!used.add(nonce)) {
      return ChallengeStanding.USED;
    }
    close(known.caller);
    if (!known.caller.equals(caller) || !known.nodeId.equals(nodeId)) {
      return ChallengeStanding.FOREIGN;
    }
    return clock.instant().isBefore(known.expiresAt)
        ? ChallengeStanding.FRESH
        : ChallengeStanding.EXPIRED;
  }

  private void close(String caller) {
    openOfCaller.computeIfPresent(caller, (c, open) -> open == 1 ? null : open - 1);
  }

  /** Nobody who uses many up takes the places of others: one that is forgotten is unknown. */
  private boolean forgetUsed() {
    Iterator<Bytes> oldest = used.iterator();
    if (!oldest.hasNext()) {
      return false;
    }
    issued.remove(oldest.next());
    oldest.remove();
    return true;
  }

  /** Used ones and ended ones are remembered for a life more, so that they get their own name. */
  private void forgetEnded(Instant now) {
    Iterator<Map.Entry<Bytes, Issued>> oldest = issued.entrySet().iterator();
    while (oldest.hasNext()) {
      Map.Entry<Bytes, Issued> entry = oldest.next();
      Issued one = entry.getValue();
      if (now.isBefore(one.expiresAt.plus(life))) {
        return;
      }
      if (!used.remove(entry.getKey())) {
        close(one.caller);
      }
      oldest.remove();
    }
  }
}
