package dev.serai.agent;

import java.time.Duration;
import java.time.Instant;

/** When the agent's own SVID is good, and for whom. */
public record SvidFacts(String spiffeId, Instant notBefore, Instant notAfter) {
  /** Renewal is spread by this part of the life around half of it. */
  private static final double SPREAD = 0.05;

  public SvidFacts {
    if (!notBefore.isBefore(notAfter)) {
      throw new IllegalArgumentException("an SVID from %s to %s".formatted(notBefore, notAfter));
    }
  }

  public boolean expired(Instant now) {
    return !now.isBefore(notAfter);
  }

  /**
   * When to renew: at half of its life, some earlier, some later; but never before a quarter of
   * what is left has passed, or an SVID that begins far in the past would be renewed without pause.
   *
   * @param random from 0 (inclusive) to 1
   */
  public Instant renewAt(Instant now, double random) {
    Duration life = Duration.between(notBefore, notAfter);
    double part = 0.5 - SPREAD + 2 * SPREAD * random;
    Instant half = notBefore.plusMillis(Math.round(life.toMillis() * part));
    Instant earliest = now.plus(Duration.between(now, notAfter).dividedBy(4));
    return half.isBefore(earliest) && now.isBefore(notAfter) ? earliest : half;
  }
}
