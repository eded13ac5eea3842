package dev.serai.testing;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDSASigner;
import dev.serai.jwtsvid.JwtBundle;
import dev.serai.spiffe.TrustDomain;
import java.security.KeyPair;
import java.security.interfaces.ECPrivateKey;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Signs tokens of a trust domain, good ones and others. */
public final class TestJwtAuthority {
  private final TrustDomain domain;
  private final String keyId;
  private final KeyPair key = TestAuthority.keyPair();

  public TestJwtAuthority(String domain, String keyId) {
    this.domain = new TrustDomain(domain);
    this.keyId = keyId;
  }

  public String keyId() {
    return keyId;
  }

  public KeyPair key() {
    return key;
  }

  public JwtBundle bundle() {
    return JwtBundle.of(domain, Map.of(keyId, key.getPublic()));
  }

  /** As an issuer makes it. */
  public String token(String path, List<String> audience, Instant from, Duration life) {
    return sign(claims(path, audience, from, life));
  }

  public Map<String, Object> claims(
      String path, List<String> audience, Instant from, Duration life) {
    Map<String, Object> claims = new LinkedHashMap<>();
    claims.put("sub", domain.withPath(path).toString());
    claims.put("aud", audience);
    claims.put("exp", from.plus(life).getEpochSecond());
    claims.put("iat", from.getEpochSecond());
    return claims;
  }

  public String sign(Map<String, Object> claims) {
    return sign(
        new JWSHeader.Builder(JWSAlgorithm.ES256).keyID(keyId).type(JOSEObjectType.JWT).build(),
        new Payload(claims));
  }

  public String sign(JWSHeader header, Payload payload) {
    try {
      JWSObject object = new JWSObject(header, payload);
      object.sign(new ECDSASigner((ECPrivateKey) key.getPrivate()));
      return object.serialize();
    } catch (JOSEException e) {
      throw new IllegalStateException(e);
    }
  }
}
