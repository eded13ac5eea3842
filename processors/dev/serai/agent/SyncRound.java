package dev.serai.agent;

import dev.serai.jwtsvid.JwtBundle;
import dev.serai.proto.spire.types.Entry;
import dev.serai.spiffe.TrustDomain;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;

/**
 * One synchronisation under way; the body of sync-entries and fetch-svids.
 *
 * @param epoch of {@link WorkloadSvids} when it began: a refusal in between makes it worthless
 * @param bundle the trust domain's authorities
 * @param jwtBundle its JWT authorities
 * @param entries everything this node may hand out
 * @param requests keys made for the entries that need an SVID
 */
record SyncRound(
    long epoch,
    List<X509Certificate> bundle,
    JwtBundle jwtBundle,
    List<Entry> entries,
    Map<String, List<X509Certificate>> federated,
    List<WorkloadRequest> requests,
    List<HeldSvid> received) {
  SyncRound {
    bundle = List.copyOf(bundle);
    entries = List.copyOf(entries);
    federated = Map.copyOf(federated);
    requests = List.copyOf(requests);
    received = List.copyOf(received);
  }

  static SyncRound begun(long epoch, TrustDomain trustDomain) {
    return new SyncRound(
        epoch, List.of(), JwtBundle.empty(trustDomain), List.of(), Map.of(), List.of(), List.of());
  }

  SyncRound withBundle(List<X509Certificate> authorities, JwtBundle jwtAuthorities) {
    return new SyncRound(
        epoch, authorities, jwtAuthorities, entries, federated, requests, received);
  }

  SyncRound withEntries(List<Entry> authorised) {
    return new SyncRound(epoch, bundle, jwtBundle, authorised, federated, requests, received);
  }

  SyncRound withRequests(List<WorkloadRequest> made) {
    return new SyncRound(epoch, bundle, jwtBundle, entries, federated, made, received);
  }

  SyncRound withReceived(List<HeldSvid> svids) {
    return new SyncRound(epoch, bundle, jwtBundle, entries, federated, requests, svids);
  }

  /** Without keys. */
  @Override
  public String toString() {
    return "SyncRound[%d entries, %d requests]".formatted(entries.size(), requests.size());
  }
}
