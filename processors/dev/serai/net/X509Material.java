package dev.serai.net;

import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.X509SvidProfile;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;

/**
 * What proves an identity and what peers are checked against.
 *
 * @param chain the X509-SVID, leaf first, without the root
 * @param privateKey of the leaf; may live in a TPM and then has no encoding
 * @param bundle the authorities of the leaf's own trust domain
 */
public record X509Material(
    List<X509Certificate> chain, PrivateKey privateKey, List<X509Certificate> bundle) {
  public X509Material {
    chain = List.copyOf(chain);
    bundle = List.copyOf(bundle);
    if (chain.isEmpty()) {
      throw new IllegalArgumentException("an X509-SVID has a leaf");
    }
    List<String> violations = X509SvidProfile.leafViolations(chain.get(0));
    if (!violations.isEmpty()) {
      throw new IllegalArgumentException("not an X509-SVID: " + String.join("; ", violations));
    }
    if (bundle.isEmpty()) {
      throw new IllegalArgumentException("a bundle has an authority");
    }
    if (!chain.get(0).getPublicKey().getAlgorithm().equals(privateKey.getAlgorithm())) {
      throw new IllegalArgumentException("certificate and private key are of different kinds");
    }
  }

  public X509Certificate leaf() {
    return chain.get(0);
  }

  /** The identity this material proves. */
  public SpiffeId id() {
    return X509SvidProfile.idOf(leaf()).orElseThrow();
  }

  /** Says who, never the key. */
  @Override
  public String toString() {
    return "X509Material[" + id() + ", serial " + leaf().getSerialNumber().toString(16) + "]";
  }
}
