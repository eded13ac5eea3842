package dev.serai.agent;

import dev.serai.workload.WorkloadKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;

/**
 * An SVID of a workload, held for it.
 *
 * @param revision of the entry it was made for
 * @param receivedAt a clock that shows an earlier time was set back since
 * @param renewAt about half of its life
 */
record HeldSvid(
    String entryId,
    long revision,
    long entryCreatedAt,
    List<X509Certificate> chain,
    WorkloadKey key,
    Instant receivedAt,
    Instant renewAt) {
  HeldSvid {
    chain = List.copyOf(chain);
    if (chain.isEmpty()) {
      throw new IllegalArgumentException("an SVID has a certificate");
    }
  }

  Instant notAfter() {
    return chain.get(0).getNotAfter().toInstant();
  }

  /** Whether another one is to be asked for. */
  boolean renewalDue(Instant now) {
    return !now.isBefore(renewAt) || now.isBefore(receivedAt);
  }

  boolean expired(Instant now) {
    return !now.isBefore(notAfter());
  }

  /** Without the key. */
  @Override
  public String toString() {
    return "HeldSvid[%s, until %s]".formatted(entryId, notAfter());
  }
}
