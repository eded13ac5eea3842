package dev.serai.agent;

import dev.serai.jwtsvid.JwtBundle;
import dev.serai.proto.spire.types.Entry;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What this agent holds for the workloads of its machine. In memory only. Safe for use from any
 * thread; the caller publishes what {@link #holdings} gives.
 */
final class WorkloadSvids {
  private final Map<String, Entry> entries = new TreeMap<>();
  private final Map<String, HeldSvid> svids = new LinkedHashMap<>();
  private List<X509Certificate> bundle = List.of();
  private Map<String, List<X509Certificate>> federated = Map.of();
  private JwtBundle jwtBundle;
  private boolean synced;
  private Optional<Instant> lastSync = Optional.empty();
  private long epoch;

  /** What may be handed out now. svids by entry id; an entry without one has none yet. */
  record Holdings(
      List<Entry> entries,
      Map<String, HeldSvid> svids,
      List<X509Certificate> bundle,
      Map<String, List<X509Certificate>> federated,
      JwtBundle jwtBundle) {
    Holdings {
      entries = List.copyOf(entries);
      svids = Map.copyOf(svids);
      bundle = List.copyOf(bundle);
      federated = Map.copyOf(federated);
    }
  }

  /** Rises when all is dropped; a round that began before is then not taken. */
  synchronized long epoch() {
    return epoch;
  }

  /** Entries as last synchronised, by id. */
  synchronized Map<String, Entry> entries() {
    return Map.copyOf(entries);
  }

  /** Those of these entries that need an SVID now: new, changed, or at half of their life. */
  synchronized List<Entry> needing(List<Entry> authorised, Instant now) {
    List<Entry> needing = new ArrayList<>();
    for (Entry entry : authorised) {
      HeldSvid held = svids.get(entry.getId());
      if (!entry.getStoreSvid() && (held == null || !isFor(held, entry) || held.renewalDue(now))) {
        needing.add(entry);
      }
    }
    return needing;
  }

  /** The result of a round; false when it began before the last {@link #drop}. */
  synchronized boolean take(SyncRound round, Instant now) {
    if (round.epoch() != epoch) {
      return false;
    }
    entries.clear();
    round.entries().forEach(entry -> entries.put(entry.getId(), entry));
    round.received().forEach(svid -> svids.put(svid.entryId(), svid));
    svids.keySet().retainAll(entries.keySet());
    svids.values().removeIf(svid -> svid.expired(now));
    bundle = round.bundle();
    jwtBundle = round.jwtBundle();
    federated = round.federated();
    synced = true;
    lastSync = Optional.of(now);
    return true;
  }

  /** The node was refused: nothing of what it holds may be handed out any more. */
  synchronized void drop() {
    epoch++;
    entries.clear();
    svids.clear();
    synced = false;
    lastSync = Optional.empty();
  }

  /** When the entries were last those of the issuer; empty when there are none. */
  synchronized Optional<Instant> lastSync() {
    return lastSync;
  }

  /** Removes what has ended; true when something had. */
  synchronized boolean dropEnded(Instant now) {
    return svids.values().removeIf(svid -> svid.expired(now));
  }

  /** How many entries this node has, as last synchronised. */
  synchronized int size() {
    return entries.size();
  }

  /** When the first of the SVIDs ends. */
  synchronized Optional<Instant> firstEnd() {
    return svids.values().stream().map(HeldSvid::notAfter).min(Comparator.naturalOrder());
  }

  /**
   * Empty when there is nothing to go by: never synchronised, or refused since. An SVID made for an
   * older revision of its entry is not among them.
   */
  synchronized Optional<Holdings> holdings() {
    if (!synced) {
      return Optional.empty();
    }
    Map<String, HeldSvid> good = new LinkedHashMap<>();
    for (HeldSvid svid : svids.values()) {
      Entry entry = entries.get(svid.entryId());
      if (entry != null && isFor(svid, entry)) {
        good.put(svid.entryId(), svid);
      }
    }
    return Optional.of(
        new Holdings(new ArrayList<>(entries.values()), good, bundle, federated, jwtBundle));
  }

  private static boolean isFor(HeldSvid held, Entry entry) {
    return held.revision() == entry.getRevisionNumber()
        && held.entryCreatedAt() == entry.getCreatedAt();
  }
}
