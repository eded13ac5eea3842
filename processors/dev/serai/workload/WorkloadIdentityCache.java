package dev.serai.workload;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import dev.serai.claims.ClaimsExtension;
import dev.serai.jwtsvid.JwtBundle;
import dev.serai.proto.workload.JWTBundlesResponse;
import dev.serai.proto.workload.X509BundlesResponse;
import dev.serai.proto.workload.X509SVID;
import dev.serai.proto.workload.X509SVIDResponse;
import dev.serai.reason.Kind;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.TrustDomain;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Date;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the Workload API answers from; the bean {@code workloadIdentities}. The agent says what it
 * has ({@link #replace}), that it has nothing yet ({@link #waiting}), or that its node is refused
 * ({@link #denied}); streams follow at once, on the agent's thread. Callers with equal selectors
 * share one evaluation and one message, and a change evaluates only those it concerns. May be used
 * from any thread.
 */
public final class WorkloadIdentityCache {
  private static final Logger LOG = LoggerFactory.getLogger(WorkloadIdentityCache.class);
  private static final Reason NEVER_SYNCED =
      new Reason(ReasonCode.AGENT_NOT_READY, "the agent has not synchronised yet");
  private static final Reason NO_ENTRY =
      new Reason(ReasonCode.WORKLOAD_NO_ENTRY, ReasonCode.WORKLOAD_NO_ENTRY.what());
  private static final Reason PENDING =
      new Reason(ReasonCode.AGENT_NOT_READY, "the identity is being issued");
  private static final Reason EXPIRED =
      new Reason(ReasonCode.AGENT_NOT_READY, "the identity has expired and was not renewed yet");

  /** What a stream is about. */
  public enum Kinds {
    /** X509SVIDResponse. */
    SVIDS,
    /** X509BundlesResponse. */
    BUNDLES,
    /** JWTBundlesResponse. */
    JWT_BUNDLES
  }

  /** The far end of a stream. Must not block. */
  public interface Watcher {
    /** The whole state; replaces every earlier message. */
    void update(Message state);

    /** The stream is over. */
    void refused(Reason reason);
  }

  private final InstantSource clock;
  private final Map<Set<Selector>, Group> groups = new HashMap<>();
  private Standing standing = new Waiting(NEVER_SYNCED);
  private int streams;

  public WorkloadIdentityCache(InstantSource clock) {
    this.clock = clock;
  }

  private sealed interface Standing {}

  private record Waiting(Reason reason) implements Standing {}

  private record Denied(Reason reason) implements Standing {}

  /** A snapshot made ready to answer from. */
  private record Ready(
      Snapshot snapshot,
      Map<WorkloadIdentity, X509SVID> encoded,
      Map<WorkloadIdentity, Optional<String>> places,
      SelectorIndex<WorkloadIdentity> index,
      SelectorIndex<Set<Selector>> pending,
      ByteString bundle,
      Map<TrustDomain, ByteString> federated,
      JWTBundlesResponse jwtBundles)
      implements Standing {}

  /** The streams of callers with the same selectors, and what they were last told. */
  private static final class Group {
    private final Map<Kinds, Set<Watcher>> watchers = new EnumMap<>(Kinds.class);
    final Map<Kinds, Message> messages = new EnumMap<>(Kinds.class);

    Set<Watcher> of(Kinds kind) {
      return watchers.computeIfAbsent(kind, any -> new LinkedHashSet<>());
    }

    /** The watchers, which are then no longer in the group: what they do next cannot touch it. */
    List<Watcher> takeAll() {
      List<Watcher> all = new ArrayList<>();
      watchers.values().forEach(all::addAll);
      watchers.clear();
      return all;
    }

    boolean isEmpty() {
      return watchers.values().stream().allMatch(Set::isEmpty);
    }
  }

  /** Open streams. */
  public synchronized int streams() {
    return streams;
  }

  /**
   * There is nothing to give yet: new calls are Unavailable. Open streams keep what they have, it
   * stays valid until it expires.
   */
  public synchronized void waiting(Reason reason) {
    standing =
        new Waiting(
            reason.code().kind() == Kind.UNAVAILABLE
                ? reason
                : new Reason(ReasonCode.AGENT_NOT_READY, reason.toString()));
  }

  /** The node is refused: new calls and all open streams get PermissionDenied, at once. */
  public synchronized void denied(Reason reason) {
    Reason told = reason.code().kind() == Kind.DENIED ? reason : NO_ENTRY;
    standing = new Denied(told);
    List<Watcher> ended = new ArrayList<>();
    groups.values().forEach(group -> ended.addAll(group.takeAll()));
    groups.clear();
    streams = 0;
    end(ended, told);
  }

  /** What the node has from now on. Tells the streams that it concerns. */
  public synchronized void replace(Snapshot snapshot) {
    Ready before = standing instanceof Ready ready ? ready : null;
    Ready now = prepare(snapshot, before);
    standing = now;
    List<WorkloadIdentity> changed = before == null ? null : difference(before, now);
    boolean bundlesChanged =
        before == null
            || !before.bundle.equals(now.bundle)
            || !before.federated.equals(now.federated)
            || !before.jwtBundles.equals(now.jwtBundles);
    if (!bundlesChanged && changed.isEmpty()) {
      return;
    }
    Iterator<Map.Entry<Set<Selector>, Group>> each = groups.entrySet().iterator();
    while (each.hasNext()) {
      Map.Entry<Set<Selector>, Group> next = each.next();
      if (bundlesChanged || concerns(changed, next.getKey())) {
        if (!evaluate(now, next.getKey(), next.getValue())) {
          each.remove();
        }
      }
    }
  }

  private static List<WorkloadIdentity> difference(Ready before, Ready now) {
    List<WorkloadIdentity> changed = new ArrayList<>();
    Set<WorkloadIdentity> old = new HashSet<>(before.snapshot.identities());
    Set<WorkloadIdentity> current = new HashSet<>(now.snapshot.identities());
    old.stream().filter(identity -> !current.contains(identity)).forEach(changed::add);
    current.stream().filter(identity -> !old.contains(identity)).forEach(changed::add);
    return changed;
  }

  private static boolean concerns(List<WorkloadIdentity> changed, Set<Selector> caller) {
    return changed.stream().anyMatch(identity -> caller.containsAll(identity.selectors()));
  }

  /** Tells a group its new state. False when its streams have ended. */
  private boolean evaluate(Ready now, Set<Selector> caller, Group group) {
    List<WorkloadIdentity> entries = now.index.matching(caller);
    List<WorkloadIdentity> own = valid(entries);
    if (own.isEmpty()) {
      if (!entries.isEmpty() || !now.pending.matching(caller).isEmpty()) {
        return true; // the next snapshot decides
      }
      List<Watcher> ended = group.takeAll();
      streams -= ended.size();
      end(ended, NO_ENTRY);
      return false;
    }
    messages(now, own)
        .forEach(
            (kind, message) -> {
              if (!message.equals(group.messages.put(kind, message))) {
                List.copyOf(group.of(kind)).forEach(watcher -> tell(watcher, message));
              }
            });
    return true;
  }

  private static void end(List<Watcher> watchers, Reason reason) {
    for (Watcher watcher : watchers) {
      try {
        watcher.refused(reason);
      } catch (RuntimeException e) { // the others are ended too
        LOG.warn("a stream could not be ended", e);
      }
    }
  }

  private static void tell(Watcher watcher, Message state) {
    try {
      watcher.update(state);
    } catch (RuntimeException e) { // the others are told too
      LOG.warn("a stream could not be told", e);
    }
  }

  /**
   * Opens a stream: the watcher hears the state at once and each later one.
   *
   * @return close it when the stream has ended; closing twice does nothing
   * @throws RefusalException when there is nothing for this caller now
   */
  public synchronized Runnable watch(Kinds kind, Set<Selector> caller, Watcher watcher) {
    Ready now = ready();
    List<WorkloadIdentity> own = own(now, caller);
    Group group = groups.computeIfAbsent(Set.copyOf(caller), selectors -> new Group());
    if (group.isEmpty() || own.size() < now.index.matching(caller).size()) {
      group.messages.putAll(messages(now, own));
    }
    group.of(kind).add(watcher);
    streams++;
    watcher.update(group.messages.get(kind));
    return () -> leave(kind, caller, watcher);
  }

  /**
   * The caller's identities of this moment, at least one.
   *
   * @throws RefusalException when there is nothing for this caller now
   */
  public synchronized List<WorkloadIdentity> identitiesOf(Set<Selector> caller) {
    return own(ready(), caller);
  }

  /**
   * @throws RefusalException when this is no identity of the caller any more
   */
  synchronized void requireStill(WorkloadIdentity identity, Set<Selector> caller) {
    boolean there =
        own(ready(), caller).stream()
            .anyMatch(
                now ->
                    now.entry().id().equals(identity.entry().id())
                        && now.id().equals(identity.id()));
    if (!there) {
      throw refusal(NO_ENTRY);
    }
  }

  /**
   * What this caller may verify JWT-SVIDs with.
   *
   * @throws RefusalException when there is nothing for this caller now
   */
  synchronized JwtBundle jwtBundleFor(Set<Selector> caller) {
    Ready now = ready();
    own(now, caller);
    return now.snapshot.jwtBundle();
  }

  private List<WorkloadIdentity> own(Ready now, Set<Selector> caller) {
    List<WorkloadIdentity> entries = now.index.matching(caller);
    if (entries.isEmpty()) {
      throw refusal(now.pending.matching(caller).isEmpty() ? NO_ENTRY : PENDING);
    }
    List<WorkloadIdentity> own = valid(entries);
    if (own.isEmpty()) {
      throw refusal(EXPIRED);
    }
    return own;
  }

  private synchronized void leave(Kinds kind, Set<Selector> caller, Watcher watcher) {
    Group group = groups.get(caller);
    if (group == null || !group.of(kind).remove(watcher)) {
      return;
    }
    streams--;
    if (group.isEmpty()) {
      groups.remove(caller);
    }
  }

  /** Without those that have expired. */
  private List<WorkloadIdentity> valid(List<WorkloadIdentity> identities) {
    Date date = Date.from(clock.instant());
    return identities.stream().filter(i -> i.leaf().getNotAfter().after(date)).toList();
  }

  private Ready ready() {
    if (standing instanceof Ready ready) {
      return ready;
    }
    if (standing instanceof Denied denied) {
      throw refusal(denied.reason());
    }
    throw refusal(((Waiting) standing).reason());
  }

  private static RefusalException refusal(Reason reason) {
    return new RefusalException(reason.code(), reason.detail());
  }

  private static Ready prepare(Snapshot snapshot, Ready before) {
    ByteString bundle = der(snapshot.bundle());
    Map<TrustDomain, ByteString> federated = new TreeMap<>();
    snapshot.federated().forEach((domain, list) -> federated.put(domain, der(list)));
    boolean sameBundle = before != null && before.bundle.equals(bundle);
    Map<WorkloadIdentity, X509SVID> encoded = new HashMap<>();
    Map<WorkloadIdentity, Optional<String>> places = new HashMap<>();
    for (WorkloadIdentity identity : snapshot.identities()) {
      X509SVID known = sameBundle ? before.encoded.get(identity) : null;
      encoded.put(identity, known != null ? known : encode(identity, bundle));
      places.put(identity, known != null ? before.places.get(identity) : place(identity));
    }
    return new Ready(
        snapshot,
        encoded,
        places,
        new SelectorIndex<>(snapshot.identities(), WorkloadIdentity::selectors),
        new SelectorIndex<>(snapshot.pending(), selectors -> selectors),
        bundle,
        federated,
        JWTBundlesResponse.newBuilder()
            .putBundles(
                snapshot.trustDomain().id().toString(),
                ByteString.copyFromUtf8(snapshot.jwtBundle().jwks()))
            .build());
  }

  /** What the certificate says of the place; one that cannot be read says nothing. */
  private static Optional<String> place(WorkloadIdentity identity) {
    try {
      return ClaimsExtension.geolocationJson(identity.leaf());
    } catch (RefusalException e) {
      LOG.warn("the claims of {} cannot be read: {}", identity.id(), e.reason().detail());
      return Optional.empty();
    }
  }

  private static X509SVID encode(WorkloadIdentity identity, ByteString bundle) {
    return X509SVID
        .newBuilder()
        .setSpiffeId(identity.id().toString())
        .setX509Svid(der(identity.chain()))
        .setX509SvidKey(ByteString.copyFrom(identity.key().reveal()))
        .setBundle(bundle)
        .setHint(identity.hint())
        .build();
  }

  private static Map<Kinds, Message> messages(Ready now, List<WorkloadIdentity> own) {
    return Map.of(
        Kinds.SVIDS, svids(now, own),
        Kinds.BUNDLES, bundles(now, own),
        Kinds.JWT_BUNDLES, now.jwtBundles);
  }

  /** A hint is unique in an answer: of two identities with the same one, only the first is sent. */
  private static X509SVIDResponse svids(Ready now, List<WorkloadIdentity> own) {
    X509SVIDResponse.Builder response = X509SVIDResponse.newBuilder();
    Set<String> hints = new HashSet<>();
    for (WorkloadIdentity identity : own) {
      if (identity.hint().isEmpty() || hints.add(identity.hint())) {
        response.addSvids(now.encoded.get(identity));
        if (response.getAttestedClaimsCount() == 0) {
          now.places
              .get(identity)
              .ifPresent(place -> response.addAttestedClaimsBuilder().setGeolocation(place));
        }
      }
    }
    foreign(now, own)
        .forEach((domain, der) -> response.putFederatedBundles(domain.id().toString(), der));
    return response.build();
  }

  private static X509BundlesResponse bundles(Ready now, List<WorkloadIdentity> own) {
    X509BundlesResponse.Builder response = X509BundlesResponse.newBuilder();
    response.putBundles(now.snapshot.trustDomain().id().toString(), now.bundle);
    foreign(now, own).forEach((domain, der) -> response.putBundles(domain.id().toString(), der));
    return response.build();
  }

  private static Map<TrustDomain, ByteString> foreign(Ready now, List<WorkloadIdentity> own) {
    Map<TrustDomain, ByteString> found = new TreeMap<>();
    for (WorkloadIdentity identity : own) {
      for (TrustDomain domain : identity.federatesWith()) {
        ByteString der = now.federated.get(domain);
        if (der != null) {
          found.put(domain, der);
        }
      }
    }
    return found;
  }

  private static ByteString der(List<X509Certificate> certificates) {
    ByteString.Output out = ByteString.newOutput();
    try {
      for (X509Certificate certificate : certificates) {
        byte[] encoded = certificate.getEncoded();
        out.write(encoded, 0, encoded.length);
      }
    } catch (CertificateEncodingException e) {
      throw new IllegalArgumentException("a certificate cannot be encoded", e);
    }
    return out.toByteString();
  }
}
