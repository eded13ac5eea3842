package dev.serai.net;

import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.spiffe.X509SvidProfile;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Date;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Accepts a peer whose certificate is an X509-SVID, leads to the authorities of the trust domain it
 * names (X509-SVID, section 5: never to those of another one) and whose id is accepted. Host names
 * play no part. Has no session state; may be used from any thread.
 */
public final class SpiffeTrustManager extends X509ExtendedTrustManager {
  private static final int MAX_CHAIN = 8;
  private static final X509Certificate[] NO_ISSUERS = {};

  private final Function<TrustDomain, List<X509Certificate>> authorities;
  private final Predicate<SpiffeId> accepted;

  /**
   * @param authorities of a trust domain; an empty list for one that is not known
   * @param accepted asked after the chain has been verified
   */
  public SpiffeTrustManager(
      Function<TrustDomain, List<X509Certificate>> authorities, Predicate<SpiffeId> accepted) {
    this.authorities = authorities;
    this.accepted = accepted;
  }

  /** Trusts the material's own trust domain, as it is now. */
  static SpiffeTrustManager of(X509Material material, Predicate<SpiffeId> accepted) {
    return ofDomain(material.id().trustDomain(), material.bundle(), accepted);
  }

  static SpiffeTrustManager ofDomain(
      TrustDomain domain, List<X509Certificate> bundle, Predicate<SpiffeId> accepted) {
    return new SpiffeTrustManager(asked -> asked.equals(domain) ? bundle : List.of(), accepted);
  }

  /**
   * The same check outside of a handshake.
   *
   * @param chain leaf first
   * @return the verified id
   */
  public SpiffeId verify(List<X509Certificate> chain) throws CertificateException {
    if (chain.isEmpty()) {
      throw new CertificateException("no certificate");
    }
    if (chain.size() > MAX_CHAIN) {
      throw new CertificateException("more than " + MAX_CHAIN + " certificates");
    }
    X509Certificate leaf = chain.get(0);
    List<String> violations = X509SvidProfile.leafViolations(leaf);
    if (!violations.isEmpty()) {
      throw new CertificateException("not an X509-SVID: " + String.join("; ", violations));
    }
    SpiffeId id = X509SvidProfile.idOf(leaf).orElseThrow();
    List<X509Certificate> roots = authorities.apply(id.trustDomain());
    if (roots.isEmpty()) {
      throw new CertificateException("no authorities for trust domain " + id.trustDomain());
    }
    requireInTime(leaf, new Date());
    validatePath(chain, roots);
    if (!accepted.test(id)) {
      throw new CertificateException("not an accepted peer: " + id);
    }
    return id;
  }

  /** With both times, for a clock that is wrong shows nowhere else. */
  private static void requireInTime(X509Certificate leaf, Date now) throws CertificateException {
    if (now.before(leaf.getNotBefore())) {
      throw new CertificateNotYetValidException(
          "not valid before %s, and here it is %s: the clocks differ"
              .formatted(leaf.getNotBefore().toInstant(), now.toInstant()));
    }
    if (now.after(leaf.getNotAfter())) {
      throw new CertificateExpiredException(
          "expired at %s, and here it is %s"
              .formatted(leaf.getNotAfter().toInstant(), now.toInstant()));
    }
  }

  private static void validatePath(List<X509Certificate> chain, List<X509Certificate> roots)
      throws CertificateException {
    Set<TrustAnchor> anchors = new HashSet<>();
    roots.forEach(root -> anchors.add(new TrustAnchor(root, null)));
    try {
      CertPath path =
          CertificateFactory.getInstance("X.509")
              .generateCertPath(chain.stream().filter(c -> !roots.contains(c)).toList());
      PKIXParameters parameters = new PKIXParameters(anchors);
      // Identities live for an hour and are withdrawn by not renewing them: there are no CRLs.
      parameters.setRevocationEnabled(false);
      CertPathValidator.getInstance("PKIX").validate(path, parameters);
    } catch (CertPathValidatorException e) {
      throw new CertificateException("does not lead to the bundle: " + e.getMessage(), e);
    } catch (CertificateException e) {
      throw e;
    } catch (GeneralSecurityException e) {
      throw new CertificateException("cannot be judged: " + e.getMessage(), e);
    }
  }

  private void check(X509Certificate[] chain) throws CertificateException {
    verify(chain == null ? List.of() : Arrays.asList(chain));
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    check(chain);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    check(chain);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    check(chain);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    check(chain);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    check(chain);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    check(chain);
  }

  /** None: a list of authorities in the handshake would only make clients hold back. */
  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return NO_ISSUERS;
  }
}
