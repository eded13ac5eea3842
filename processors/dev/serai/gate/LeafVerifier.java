package dev.serai.gate;

import dev.serai.net.SpiffeTrustManager;
import dev.serai.net.X509Material;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Whether a certificate is an X509-SVID of our trust domain that leads to its bundle, now. Nobody
 * hands in a chain: authorities of this trust domain sign leaves themselves. Paths that were
 * validated under a bundle are remembered for as long as that bundle stands; the clock is looked at
 * each time. Safe for any thread.
 */
final class LeafVerifier {
  private static final int MOST_KNOWN = 4_096;

  private final TrustDomain trustDomain;
  private final InstantSource clock;

  // Guarded by this.
  private List<X509Certificate> bundle = List.of();
  private final Map<X509Certificate, SpiffeId> known =
      new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<X509Certificate, SpiffeId> eldest) {
          return size() > MOST_KNOWN;
        }
      };

  LeafVerifier(TrustDomain trustDomain, InstantSource clock) {
    this.trustDomain = trustDomain;
    this.clock = clock;
  }

  /**
   * @param material whose bundle counts
   * @return whom it names
   * @throws CertificateException saying why it is not to be believed
   */
  SpiffeId verify(X509Certificate leaf, X509Material material) throws CertificateException {
    requireInTime(leaf, clock.instant());
    List<X509Certificate> authorities = material.bundle();
    SpiffeId remembered = remembered(leaf, authorities);
    if (remembered != null) {
      return remembered;
    }
    SpiffeId id =
        new SpiffeTrustManager(
                domain -> domain.equals(trustDomain) ? authorities : List.of(), any -> true)
            .verify(List.of(leaf));
    remember(leaf, authorities, id);
    return id;
  }

  private static void requireInTime(X509Certificate leaf, Instant now) throws CertificateException {
    if (now.isBefore(leaf.getNotBefore().toInstant())) {
      throw new CertificateException("not valid yet");
    }
    if (now.isAfter(leaf.getNotAfter().toInstant())) {
      throw new CertificateException("expired");
    }
  }

  private synchronized SpiffeId remembered(
      X509Certificate leaf, List<X509Certificate> authorities) {
    if (!bundle.equals(authorities)) {
      bundle = authorities;
      known.clear();
    }
    return known.get(leaf);
  }

  private synchronized void remember(
      X509Certificate leaf, List<X509Certificate> authorities, SpiffeId id) {
    if (bundle.equals(authorities)) {
      known.put(leaf, id);
    }
  }
}
