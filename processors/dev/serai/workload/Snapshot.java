package dev.serai.workload;

import dev.serai.jwtsvid.JwtBundle;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.TrustDomain;
import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Everything the agent knows for the workloads of its node, at one moment.
 *
 * @param identities in the order in which a caller gets them; the first match is its default
 * @param pending selectors of entries whose SVID is still on its way: their callers are told to
 *     come back instead of being refused
 * @param trustDomain the node's own
 * @param bundle authorities of the own trust domain
 * @param federated authorities of foreign ones
 * @param jwtBundle what JWT-SVIDs of the own trust domain are verified with
 */
public record Snapshot(
    List<WorkloadIdentity> identities,
    List<Set<Selector>> pending,
    TrustDomain trustDomain,
    List<X509Certificate> bundle,
    Map<TrustDomain, List<X509Certificate>> federated,
    JwtBundle jwtBundle) {
  public Snapshot {
    identities = List.copyOf(identities);
    pending = pending.stream().map(Set::copyOf).toList();
    bundle = List.copyOf(bundle);
    Map<TrustDomain, List<X509Certificate>> copies = new HashMap<>();
    federated.forEach((domain, authorities) -> copies.put(domain, List.copyOf(authorities)));
    federated = Map.copyOf(copies);
    if (bundle.isEmpty()) {
      throw new IllegalArgumentException("a bundle has an authority");
    }
    if (!jwtBundle.trustDomain().equals(trustDomain)) {
      throw new IllegalArgumentException("a JWT bundle of another trust domain");
    }
    for (WorkloadIdentity identity : identities) {
      if (!identity.id().isMemberOf(trustDomain)) {
        throw new IllegalArgumentException("an identity of another trust domain");
      }
    }
  }

  /** With nothing pending, and without JWT authorities. */
  public Snapshot(
      List<WorkloadIdentity> identities,
      TrustDomain trustDomain,
      List<X509Certificate> bundle,
      Map<TrustDomain, List<X509Certificate>> federated) {
    this(identities, List.of(), trustDomain, bundle, federated, JwtBundle.empty(trustDomain));
  }
}
