package dev.serai.issuing;

import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Bytes;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;

/**
 * What documents of the trust domain are checked with, at one moment.
 *
 * @param sequence rises with every change
 * @param authorities certificate of every authority that may have signed a living document or will
 *     sign soon
 * @param jwtKeys the same for tokens
 */
public record TrustBundle(
    TrustDomain trustDomain,
    long sequence,
    Duration refreshHint,
    List<Bytes> authorities,
    List<JwtKey> jwtKeys) {

  /**
   * A key that tokens are checked with.
   *
   * @param publicKey DER of its SubjectPublicKeyInfo
   * @param notAfter no token signed by it lives longer
   */
  public record JwtKey(String keyId, Bytes publicKey, Instant notAfter) {}

  private static final Base64.Encoder PEM =
      Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII));

  public TrustBundle {
    authorities = List.copyOf(authorities);
    jwtKeys = List.copyOf(jwtKeys);
  }

  /** How many authorities of a use are in it. */
  int size(Authority.Use use) {
    return use == Authority.Use.X509 ? authorities.size() : jwtKeys.size();
  }

  public List<X509Certificate> certificates() {
    return authorities.stream().map(Certificates::decode).toList();
  }

  /** The certificates; the other keys have no form of this kind. */
  public String toPem() {
    StringBuilder pem = new StringBuilder();
    for (Bytes authority : authorities) {
      pem.append("-----BEGIN CERTIFICATE-----\n")
          .append(PEM.encodeToString(authority.toArray()))
          .append("\n-----END CERTIFICATE-----\n");
    }
    return pem.toString();
  }
}
