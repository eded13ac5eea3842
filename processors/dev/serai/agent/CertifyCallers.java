package dev.serai.agent;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.spiffe.X509SvidProfile;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Who may have the App Key certified over the network, and how often. Each caller has a bucket of
 * its own, by what its certificate proves and not by an address that many share; refused calls cost
 * nothing.
 */
final class CertifyCallers {
  private final Set<InetAddress> addresses = new HashSet<>();
  private final Set<String> ids = new HashSet<>();
  private final TokenBuckets buckets;
  private final InstantSource clock;

  /** allowed: addresses and paths of SPIFFE IDs of the own trust domain; none allows nobody. */
  CertifyCallers(
      List<String> allowed, TrustDomain trustDomain, TokenBuckets buckets, InstantSource clock) {
    for (String item : allowed) {
      if (item.startsWith("/")) {
        ids.add(trustDomain.withPath(item).toString());
      } else {
        addresses.add(address(item));
      }
    }
    this.buckets = buckets;
    this.clock = clock;
  }

  /** The configuration takes addresses only, so no name is looked up. */
  private static InetAddress address(String text) {
    try {
      return InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID, "serai.agent.certify-allow: " + text, e);
    }
  }

  /**
   * @throws RefusalException CALLER_NOT_ALLOWED or RATE_LIMITED
   */
  void require(Optional<InetAddress> from, X509Certificate certificate) {
    Optional<String> id = X509SvidProfile.idOf(certificate).map(SpiffeId::toString);
    boolean allowed =
        id.filter(ids::contains).isPresent() || from.filter(addresses::contains).isPresent();
    if (!allowed) {
      throw new RefusalException(
          ReasonCode.CALLER_NOT_ALLOWED,
          "%s is not in serai.agent.certify-allow"
              .formatted(id.or(() -> from.map(InetAddress::getHostAddress)).orElse("the caller")));
    }
    if (!take(id.orElseGet(() -> fingerprint(certificate)))) {
      throw new RefusalException(
          ReasonCode.RATE_LIMITED, "too many certificates asked for; try again later");
    }
  }

  /** Whether this caller may have one more now. */
  boolean take(String caller) {
    return buckets.take(caller, clock.instant());
  }

  private static String fingerprint(X509Certificate certificate) {
    try {
      return Bytes.copyOf(TpmHash.SHA256.newDigest().digest(certificate.getEncoded())).toHex();
    } catch (CertificateEncodingException e) {
      throw new IllegalStateException("a certificate of a handshake has no DER", e);
    }
  }
}
