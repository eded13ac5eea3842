package dev.serai.issuing;

import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.InvalidSpiffeIdException;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** What a registration entry may say. A message that passes comes out in canonical form. */
final class EntryRules {
  private static final Pattern ENTRY_ID = Pattern.compile("[A-Za-z0-9._-]{1,255}");
  private static final Pattern LABEL =
      Pattern.compile("[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?");
  private static final int MAX_HINT = 1024;
  private static final int MAX_SELECTORS = 256;
  private static final int MAX_SELECTOR = 4096;
  private static final int MAX_DNS_NAMES = 64;
  private static final int MAX_DNS_NAME = 253;

  private final TrustDomain trustDomain;

  EntryRules(TrustDomain trustDomain) {
    this.trustDomain = trustDomain;
  }

  /**
   * Checks what a caller wrote; id, revision and times are not its business.
   *
   * @throws RefusalException ENTRY_INVALID naming the field
   */
  Entry checked(Entry entry) {
    if (!entry.getId().isEmpty() && !ENTRY_ID.matcher(entry.getId()).matches()) {
      throw invalid("invalid entry ID: 1 to 255 of letters, numbers, dots, dashes, underscores");
    }
    SpiffeId spiffeId = member("spiffe ID", entry.getSpiffeId(), entry.hasSpiffeId());
    if (spiffeId.isReserved()) {
      throw invalid(
          "invalid spiffe ID: \""
              + spiffeId
              + "\" is not allowed: the SPIRE namespace is reserved");
    }
    SpiffeId parentId = member("parent ID", entry.getParentId(), entry.hasParentId());
    Set<Selector> selectors = selectors(entry);
    if (entry.getStoreSvid()) {
      if (selectors.stream().map(Selector::type).distinct().count() > 1) {
        throw invalid("invalid selectors: with store_svid all are of one type");
      }
      if (entry.getAdditionalAttributes().getDisableX509SvidPrefetch()) {
        throw invalid("store_svid and disable_x509_svid_prefetch exclude each other");
      }
    }
    if (entry.getX509SvidTtl() < 0) {
      throw invalid("invalid X509 SVID TTL: must not be negative");
    }
    if (entry.getJwtSvidTtl() < 0) {
      throw invalid("invalid JWT SVID TTL: must not be negative");
    }
    if (entry.getExpiresAt() < 0) {
      throw invalid("invalid expiry: must not be negative");
    }
    if (entry.getHint().getBytes(StandardCharsets.UTF_8).length > MAX_HINT) {
      throw invalid("hint is too long, max length is 1024 characters");
    }
    checkDnsNames(entry.getDnsNamesList());
    if (entry.getFederatesWithCount() > 0) {
      throw invalid("unable to find federated bundle \"" + entry.getFederatesWith(0) + "\"");
    }
    Entry.Builder canonical =
        entry.toBuilder()
            .setSpiffeId(RegisteredEntry.message(spiffeId))
            .setParentId(RegisteredEntry.message(parentId))
            .clearSelectors();
    for (Selector selector : new TreeSet<>(selectors)) {
      canonical.addSelectorsBuilder().setType(selector.type()).setValue(selector.value());
    }
    return canonical.build();
  }

  private SpiffeId member(String what, SPIFFEID message, boolean present) {
    if (!present) {
      throw invalid("invalid " + what + ": request must specify SPIFFE ID");
    }
    SpiffeId id;
    try {
      id = RegisteredEntry.id(message);
    } catch (InvalidSpiffeIdException e) {
      throw invalid("invalid " + what + ": " + e.getMessage());
    }
    if (!id.isMemberOf(trustDomain)) {
      throw invalid(
          "invalid %s: \"%s\" is not a member of trust domain \"%s\""
              .formatted(what, id, trustDomain));
    }
    if (id.path().isEmpty()) {
      throw invalid("invalid " + what + ": \"" + id + "\" has no path");
    }
    return id;
  }

  private static Set<Selector> selectors(Entry entry) {
    if (entry.getSelectorsCount() == 0) {
      throw invalid("selector list is empty");
    }
    if (entry.getSelectorsCount() > MAX_SELECTORS) {
      throw invalid("more than " + MAX_SELECTORS + " selectors");
    }
    Set<Selector> selectors = new HashSet<>();
    for (var selector : entry.getSelectorsList()) {
      if (selector.getType().length() + selector.getValue().length() > MAX_SELECTOR) {
        throw invalid("selector is longer than " + MAX_SELECTOR + " characters");
      }
      try {
        selectors.add(new Selector(selector.getType(), selector.getValue()));
      } catch (IllegalArgumentException e) {
        throw invalid(e.getMessage());
      }
    }
    return selectors;
  }

  private static void checkDnsNames(List<String> names) {
    if (names.size() > MAX_DNS_NAMES) {
      throw invalid("more than " + MAX_DNS_NAMES + " DNS names");
    }
    Set<String> seen = new HashSet<>();
    for (String name : names) {
      String lower = name.toLowerCase(Locale.ROOT);
      String host = lower.startsWith("*.") ? lower.substring(2) : lower;
      // Of ASCII before its case is changed: the sign of Kelvin would become a k.
      boolean lawful =
          !host.isEmpty() && lower.length() <= MAX_DNS_NAME && name.chars().allMatch(c -> c < 128);
      for (String label : host.split("\\.", -1)) {
        lawful &= LABEL.matcher(label).matches();
      }
      if (!lawful || (host.length() < lower.length() && host.indexOf('.') < 0)) {
        throw invalid("invalid DNS name \"" + name + "\"");
      }
      if (!seen.add(lower)) {
        throw invalid("DNS name \"" + name + "\" is there twice");
      }
    }
    for (String name : seen) {
      int dot = name.indexOf('.');
      if (!name.startsWith("*.") && dot >= 0 && seen.contains("*" + name.substring(dot))) {
        throw invalid("DNS name \"" + name + "\" is covered by a wildcard of the same entry");
      }
    }
  }

  static RefusalException invalid(String detail) {
    return new RefusalException(ReasonCode.ENTRY_INVALID, detail);
  }
}
