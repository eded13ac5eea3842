package dev.serai.workload;

import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.spiffe.X509SvidProfile;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * One entry of this node with the SVID that was issued for it.
 *
 * @param entry which version of which entry
 * @param selectors all of these a caller must have; at least one
 * @param hint empty for none; at most 1024 bytes
 * @param chain leaf first, without the root
 * @param federatesWith foreign trust domains whose bundles the workload is given
 */
public record WorkloadIdentity(
    Entry entry,
    SpiffeId id,
    Set<Selector> selectors,
    String hint,
    List<X509Certificate> chain,
    WorkloadKey key,
    Set<TrustDomain> federatesWith) {
  private static final int MAX_HINT_BYTES = 1024;

  /**
   * An entry as it was at one time.
   *
   * @param tokensOnce each of its tokens has an id of its own and is handed out once
   */
  public record Entry(String id, long revision, boolean tokensOnce) {
    /** With tokens like any other's. */
    public Entry(String id, long revision) {
      this(id, revision, false);
    }
  }

  public WorkloadIdentity {
    selectors = Set.copyOf(selectors);
    chain = List.copyOf(chain);
    federatesWith = Set.copyOf(federatesWith);
    if (selectors.isEmpty()) {
      throw new IllegalArgumentException("an entry without selectors would match every caller");
    }
    if (hint.getBytes(StandardCharsets.UTF_8).length > MAX_HINT_BYTES) {
      throw new IllegalArgumentException("a hint is longer than 1024 bytes");
    }
    if (chain.isEmpty()) {
      throw new IllegalArgumentException("an X509-SVID has a leaf");
    }
    List<String> violations = X509SvidProfile.leafViolations(chain.get(0));
    if (!violations.isEmpty()) {
      throw new IllegalArgumentException("not an X509-SVID: " + String.join("; ", violations));
    }
    if (!X509SvidProfile.idOf(chain.get(0)).equals(Optional.of(id))) {
      throw new IllegalArgumentException("the certificate names another id than the entry");
    }
  }

  X509Certificate leaf() {
    return chain.get(0);
  }
}
