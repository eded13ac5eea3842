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

  /** Half of its life, some earlier, some later; random from 0 (inclusive) to 1. */
  public Instant renewAt(double random) {
    Duration life = Duration.between(notBefore, notAfter);
    double part = 0.5 - SPREAD + 2 * SPREAD * random;
    return notBefore.plusMillis(Math.round(life.toMillis() * part));
  }
}
