package dev.serai.jwtsvid;

import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Bytes;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The keys that JWT-SVIDs of a trust domain may be signed with. SPIFFE Trust Domain and Bundle,
 * section 4.
 */
public final class JwtBundle {
  private static final KeyUse USE = new KeyUse("jwt-svid");
  private static final int LEAST_RSA_BITS = 2048;
  private static final int MOST_RSA_BITS = 8192;

  private final TrustDomain trustDomain;
  private final Map<String, PublicKey> keys;
  private final String jwks;

  private JwtBundle(TrustDomain trustDomain, Map<String, PublicKey> keys) {
    this.trustDomain = trustDomain;
    this.keys = Map.copyOf(keys);
    List<JWK> documents = new ArrayList<>();
    new TreeMap<>(keys).forEach((id, key) -> documents.add(jwk(id, key)));
    this.jwks = new JWKSet(documents).toString();
  }

  /**
   * @param keys by their ids
   * @throws IllegalArgumentException for a key that no JWT-SVID is signed with
   */
  public static JwtBundle of(TrustDomain trustDomain, Map<String, PublicKey> keys) {
    return new JwtBundle(trustDomain, keys);
  }

  /** Verifies nothing: the trust domain has no JWT authority. */
  public static JwtBundle empty(TrustDomain trustDomain) {
    return new JwtBundle(trustDomain, Map.of());
  }

  /**
   * A key of a SubjectPublicKeyInfo in DER.
   *
   * @throws IllegalArgumentException for what is no key that a JWT-SVID is signed with
   */
  public static PublicKey key(Bytes subjectPublicKeyInfo) {
    X509EncodedKeySpec encoded = new X509EncodedKeySpec(subjectPublicKeyInfo.toArray());
    for (String type : List.of("EC", "RSA")) {
      try {
        PublicKey key = KeyFactory.getInstance(type).generatePublic(encoded);
        jwk("any", key);
        return key;
      } catch (GeneralSecurityException e) {
        continue; // of the other type, or no key
      }
    }
    throw new IllegalArgumentException("neither an EC nor an RSA key");
  }

  public TrustDomain trustDomain() {
    return trustDomain;
  }

  public int size() {
    return keys.size();
  }

  Optional<PublicKey> key(String id) {
    return Optional.ofNullable(keys.get(id));
  }

  /** As a JWK set in JSON; the same text for the same keys. */
  public String jwks() {
    return jwks;
  }

  private static JWK jwk(String id, PublicKey key) {
    if (id.isEmpty()) {
      throw new IllegalArgumentException("a key without an id");
    }
    if (key instanceof ECPublicKey ec) {
      Curve curve = Curve.forECParameterSpec(ec.getParams());
      if (Curve.P_256.equals(curve) || Curve.P_384.equals(curve) || Curve.P_521.equals(curve)) {
        return onCurve(new ECKey.Builder(curve, ec).keyUse(USE).keyID(id));
      }
      throw new IllegalArgumentException("a key on another curve than P-256, P-384 and P-521");
    }
    if (key instanceof RSAPublicKey rsa) {
      int bits = rsa.getModulus().bitLength();
      if (bits < LEAST_RSA_BITS || bits > MOST_RSA_BITS) {
        throw new IllegalArgumentException("an RSA key of %d bits".formatted(bits));
      }
      return new RSAKey.Builder(rsa).keyUse(USE).keyID(id).build();
    }
    throw new IllegalArgumentException("neither an EC nor an RSA key");
  }

  /** The JDK takes a point that is not on the curve; a key it is not. */
  private static ECKey onCurve(ECKey.Builder key) {
    try {
      return key.build();
    } catch (IllegalStateException e) {
      throw new IllegalArgumentException("a point that is not on its curve", e);
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof JwtBundle that
        && trustDomain.equals(that.trustDomain)
        && jwks.equals(that.jwks);
  }

  @Override
  public int hashCode() {
    return 31 * trustDomain.hashCode() + jwks.hashCode();
  }

  @Override
  public String toString() {
    return "JwtBundle[%s, %d keys]".formatted(trustDomain, keys.size());
  }
}
