package dev.serai.agent;

import dev.serai.proto.spire.types.Entry;
import dev.serai.reason.Reason;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.workload.Snapshot;
import dev.serai.workload.WorkloadIdentity;
import dev.serai.workload.WorkloadIdentityCache;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says to the Workload API what the agent holds. An entry that cannot be used is left out; the
 * others are not touched by it.
 */
final class WorkloadOutlet implements IdentityPublisher.Outlet {
  private static final Logger LOG = LoggerFactory.getLogger(WorkloadOutlet.class);

  private final WorkloadIdentityCache cache;
  private final TrustDomain trustDomain;
  private final JwtSvidCache jwtSvids;

  /** The same object for the same SVID, so that the cache sees what is unchanged. */
  private Map<HeldSvid, WorkloadIdentity> known = Map.of();

  WorkloadOutlet(WorkloadIdentityCache cache, TrustDomain trustDomain, JwtSvidCache jwtSvids) {
    this.cache = cache;
    this.trustDomain = trustDomain;
    this.jwtSvids = jwtSvids;
  }

  @Override
  public synchronized void serve(WorkloadSvids.Holdings holdings) {
    List<WorkloadIdentity> identities = new ArrayList<>();
    List<Set<Selector>> pending = new ArrayList<>();
    Map<HeldSvid, WorkloadIdentity> present = new HashMap<>();
    for (Entry entry : holdings.entries()) {
      if (entry.getStoreSvid()) {
        continue;
      }
      HeldSvid svid = holdings.svids().get(entry.getId());
      try {
        if (svid == null) {
          pending.add(selectors(entry));
        } else {
          WorkloadIdentity identity =
              known.containsKey(svid) ? known.get(svid) : identity(entry, svid);
          present.put(svid, identity);
          identities.add(identity);
        }
      } catch (IllegalArgumentException e) {
        LOG.warn("entry {} cannot be handed out: {}", entry.getId(), e.getMessage());
      }
    }
    known = present;
    Map<TrustDomain, List<X509Certificate>> federated = new HashMap<>();
    holdings
        .federated()
        .forEach((name, authorities) -> federated.put(TrustDomain.parse(name), authorities));
    cache.replace(
        new Snapshot(
            identities, pending, trustDomain, holdings.bundle(), federated, holdings.jwtBundle()));
    jwtSvids.retain(
        identities.stream().map(WorkloadIdentity::entry).collect(Collectors.toUnmodifiableSet()));
  }

  private WorkloadIdentity identity(Entry entry, HeldSvid svid) {
    Set<TrustDomain> federates = new HashSet<>();
    entry.getFederatesWithList().forEach(name -> federates.add(TrustDomain.parse(name)));
    SpiffeId id = trustDomain.withPath(entry.getSpiffeId().getPath());
    return new WorkloadIdentity(
        new WorkloadIdentity.Entry(
            entry.getId(),
            entry.getRevisionNumber(),
            entry.getAdditionalAttributes().getJwtSvidIncludeJti()),
        id,
        selectors(entry),
        entry.getHint(),
        svid.chain(),
        svid.key(),
        federates);
  }

  private static Set<Selector> selectors(Entry entry) {
    Set<Selector> selectors = new HashSet<>();
    entry
        .getSelectorsList()
        .forEach(selector -> selectors.add(new Selector(selector.getType(), selector.getValue())));
    if (selectors.isEmpty()) {
      throw new IllegalArgumentException("it has no selectors");
    }
    return selectors;
  }

  @Override
  public void waiting(Reason reason) {
    cache.waiting(reason);
    jwtSvids.drop();
  }

  @Override
  public void denied(Reason reason) {
    cache.denied(reason);
    jwtSvids.drop();
  }
}
