package dev.serai.torture;

import dev.serai.proto.workload.X509SVIDResponse;
import java.io.ByteArrayInputStream;
import java.security.GeneralSecurityException;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Date;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Rule 7 on every answer of the Workload API: whose it is, who signed it, how long it lives. */
final class Answers {
  private static final String EXPECTED = "spiffe://" + Site.DOMAIN + Load.WORKLOAD;

  private final Set<String> leaves = ConcurrentHashMap.newKeySet();
  private final Set<String> authorities = ConcurrentHashMap.newKeySet();

  /** What is wrong with it. Its time is judged by {@link #validAt}. */
  Optional<String> check(X509SVIDResponse answer) {
    if (answer.getSvidsCount() != 1 || !answer.getSvids(0).getSpiffeId().equals(EXPECTED)) {
      return Optional.of(
          "an answer with other identities than the entry's: "
              + answer.getSvidsList().stream().map(svid -> svid.getSpiffeId()).toList());
    }
    try {
      X509Certificate leaf = leaf(answer);
      if (!leaves.add(leaf.getSerialNumber().toString(16))) {
        return Optional.empty();
      }
      X509Certificate authority = verified(answer, leaf.getNotBefore());
      authorities.add(authority.getSerialNumber().toString(16));
      if (leaf.getNotAfter().after(authority.getNotAfter())) {
        return Optional.of("an SVID outlives its authority: " + leaf.getNotAfter());
      }
      return Optional.empty();
    } catch (GeneralSecurityException e) {
      return Optional.of("an SVID does not verify against its bundle: " + e.getMessage());
    }
  }

  /** Whether it is good at this time. */
  boolean validAt(X509SVIDResponse answer, Instant time) {
    try {
      verified(answer, Date.from(time));
      return true;
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /** SVIDs seen so far. */
  int leaves() {
    return leaves.size();
  }

  /** Authorities that signed them. */
  int authorities() {
    return authorities.size();
  }

  private static X509Certificate leaf(X509SVIDResponse answer) throws GeneralSecurityException {
    return certificates(answer.getSvids(0).getX509Svid().toByteArray()).get(0);
  }

  /** The authority above it. */
  private static X509Certificate verified(X509SVIDResponse answer, Date time)
      throws GeneralSecurityException {
    Set<TrustAnchor> anchors = new HashSet<>();
    for (X509Certificate anchor : certificates(answer.getSvids(0).getBundle().toByteArray())) {
      anchors.add(new TrustAnchor(anchor, null));
    }
    PKIXParameters parameters = new PKIXParameters(anchors);
    parameters.setRevocationEnabled(false);
    parameters.setDate(time);
    var chain =
        CertificateFactory.getInstance("X.509")
            .generateCertPath(certificates(answer.getSvids(0).getX509Svid().toByteArray()));
    var result =
        (java.security.cert.PKIXCertPathValidatorResult)
            CertPathValidator.getInstance("PKIX").validate(chain, parameters);
    X509Certificate authority = result.getTrustAnchor().getTrustedCert();
    authority.checkValidity(time);
    return authority;
  }

  private static List<X509Certificate> certificates(byte[] der) throws GeneralSecurityException {
    return CertificateFactory.getInstance("X.509")
        .generateCertificates(new ByteArrayInputStream(der))
        .stream()
        .map(X509Certificate.class::cast)
        .toList();
  }
}
