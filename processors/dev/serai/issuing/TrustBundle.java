package dev.serai.issuing;

import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Bytes;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Base64;
import java.util.List;

/**
 * What documents of the trust domain are checked with, at one moment.
 *
 * @param sequence rises with every change
 * @param authorities every authority that may have signed a living document or will sign soon
 */
public record TrustBundle(
    TrustDomain trustDomain, long sequence, Duration refreshHint, List<Bytes> authorities) {

  private static final Base64.Encoder PEM =
      Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII));

  public TrustBundle {
    authorities = List.copyOf(authorities);
  }

  public List<X509Certificate> certificates() {
    return authorities.stream().map(Certificates::decode).toList();
  }

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
