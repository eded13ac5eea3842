package dev.serai.issuing;

import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import java.time.Instant;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** A registration entry that holds to the rules, and its message. */
record RegisteredEntry(
    String id, SpiffeId spiffeId, SpiffeId parentId, Set<Selector> selectors, Entry message) {

  RegisteredEntry {
    selectors = Set.copyOf(selectors);
  }

  static RegisteredEntry of(Entry message) {
    return new RegisteredEntry(
        message.getId(),
        id(message.getSpiffeId()),
        id(message.getParentId()),
        message.getSelectorsList().stream()
            .map(s -> new Selector(s.getType(), s.getValue()))
            .collect(Collectors.toUnmodifiableSet()),
        message);
  }

  boolean isExpired(Instant now) {
    return message.getExpiresAt() != 0 && now.getEpochSecond() >= message.getExpiresAt();
  }

  /** Entries of one similarity give the same identity to the same workloads. */
  String similarity() {
    StringBuilder key = new StringBuilder();
    part(key, spiffeId.toString());
    part(key, parentId.toString());
    for (Selector selector : new TreeSet<>(selectors)) {
      part(key, selector.type());
      part(key, selector.value());
    }
    return Digests.sha256Hex(key.toString());
  }

  private static void part(StringBuilder key, String text) {
    key.append(text.length()).append(':').append(text);
  }

  static SpiffeId id(SPIFFEID message) {
    return new SpiffeId(TrustDomain.parse(message.getTrustDomain()), message.getPath());
  }

  static SPIFFEID message(SpiffeId id) {
    return SPIFFEID.newBuilder().setTrustDomain(id.trustDomain().name()).setPath(id.path()).build();
  }
}
