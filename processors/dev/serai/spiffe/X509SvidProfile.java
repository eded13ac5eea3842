package dev.serai.spiffe;

import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** What an X509-SVID may look like. X509-SVID, sections 2 to 5. */
public final class X509SvidProfile {
  private static final String SUBJECT_ALT_NAME = "2.5.29.17";
  private static final String KEY_USAGE = "2.5.29.15";
  private static final String BASIC_CONSTRAINTS = "2.5.29.19";
  private static final String SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
  private static final String CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
  private static final int URI = 6;

  private static final int DIGITAL_SIGNATURE = 0;
  private static final int KEY_CERT_SIGN = 5;
  private static final int CRL_SIGN = 6;

  private X509SvidProfile() {}

  /** The ID in the only URI name; empty when there is none, more than one, or it is not lawful. */
  public static Optional<SpiffeId> idOf(X509Certificate certificate) {
    List<String> uris = uris(certificate);
    if (uris.size() != 1) {
      return Optional.empty();
    }
    try {
      return Optional.of(SpiffeId.parse(uris.get(0)));
    } catch (InvalidSpiffeIdException e) {
      return Optional.empty();
    }
  }

  /** What keeps this certificate from being a leaf; empty when nothing does. */
  public static List<String> leafViolations(X509Certificate leaf) {
    List<String> found = new ArrayList<>();
    Optional<SpiffeId> id = idOf(leaf);
    if (id.isEmpty()) {
      found.add("not exactly one URI name that is a SPIFFE ID");
    }
    id.filter(i -> i.path().isEmpty()).ifPresent(i -> found.add("the ID of a leaf has a path"));
    if (leaf.getSubjectX500Principal().getName().isEmpty() && !isCritical(leaf, SUBJECT_ALT_NAME)) {
      found.add("the subject is empty and the alternative name is not critical");
    }
    if (leaf.getBasicConstraints() != -1) {
      found.add("a leaf is not an authority");
    }
    boolean[] usage = leaf.getKeyUsage();
    if (usage == null || !isCritical(leaf, KEY_USAGE)) {
      found.add("key usage is not there or not critical");
    } else {
      if (!usage[DIGITAL_SIGNATURE]) {
        found.add("key usage lacks digitalSignature");
      }
      if (usage[KEY_CERT_SIGN] || usage[CRL_SIGN]) {
        found.add("a leaf signs no certificates and no CRLs");
      }
    }
    extendedUsage(leaf)
        .filter(usages -> !usages.contains(SERVER_AUTH) || !usages.contains(CLIENT_AUTH))
        .ifPresent(usages -> found.add("extended key usage lacks server or client"));
    return List.copyOf(found);
  }

  /** What keeps this certificate from being a signing certificate; empty when nothing does. */
  public static List<String> authorityViolations(X509Certificate authority) {
    List<String> found = new ArrayList<>();
    List<String> uris = uris(authority);
    if (uris.size() > 1) {
      found.add("more than one URI name");
    } else if (uris.size() == 1) {
      Optional<SpiffeId> id = idOf(authority);
      if (id.isEmpty()) {
        found.add("the URI name is not a SPIFFE ID");
      }
      id.filter(i -> !i.path().isEmpty())
          .ifPresent(i -> found.add("the ID of an authority has no path"));
    }
    if (authority.getBasicConstraints() == -1 || !isCritical(authority, BASIC_CONSTRAINTS)) {
      found.add("not marked as an authority");
    }
    boolean[] usage = authority.getKeyUsage();
    if (usage == null || !isCritical(authority, KEY_USAGE) || !usage[KEY_CERT_SIGN]) {
      found.add("key usage lacks keyCertSign or is not critical");
    } else {
      for (int bit = 0; bit < usage.length; bit++) {
        if (usage[bit] && bit != KEY_CERT_SIGN && bit != CRL_SIGN) {
          found.add("an authority's key has no other use than signing certificates and CRLs");
          break;
        }
      }
    }
    return List.copyOf(found);
  }

  private static List<String> uris(X509Certificate certificate) {
    Collection<List<?>> names;
    try {
      names = certificate.getSubjectAlternativeNames();
    } catch (CertificateParsingException e) {
      return List.of();
    }
    if (names == null) {
      return List.of();
    }
    return names.stream()
        .filter(name -> name.get(0).equals(URI))
        .map(name -> (String) name.get(1))
        .toList();
  }

  private static Optional<List<String>> extendedUsage(X509Certificate certificate) {
    try {
      return Optional.ofNullable(certificate.getExtendedKeyUsage());
    } catch (CertificateParsingException e) {
      return Optional.of(List.of());
    }
  }

  private static boolean isCritical(X509Certificate certificate, String oid) {
    return certificate.getCriticalExtensionOIDs() != null
        && certificate.getCriticalExtensionOIDs().contains(oid);
  }
}
