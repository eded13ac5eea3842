package dev.serai.cli;

import dev.serai.proto.spire.types.Bundle;
import dev.serai.proto.spire.types.JWTKey;
import dev.serai.proto.spire.types.X509Certificate;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A bundle as the SPIFFE bundle document: a JSON Web Key set with a sequence and a refresh hint.
 */
final class BundleDocument {
  private BundleDocument() {}

  static Map<String, Object> of(Bundle bundle) throws GeneralSecurityException {
    List<Map<String, Object>> keys = new ArrayList<>();
    for (X509Certificate authority : bundle.getX509AuthoritiesList()) {
      byte[] der = authority.getAsn1().toByteArray();
      Map<String, Object> key = key(Pem.concatenated(der).get(0).getPublicKey());
      key.put("use", "x509-svid");
      key.put("x5c", List.of(Base64.getEncoder().encodeToString(der)));
      keys.add(key);
    }
    for (JWTKey authority : bundle.getJwtAuthoritiesList()) {
      Map<String, Object> key = key(publicKey(authority.getPublicKey().toByteArray()));
      key.put("use", "jwt-svid");
      key.put("kid", authority.getKeyId());
      keys.add(key);
    }
    Map<String, Object> document = new LinkedHashMap<>();
    document.put("keys", keys);
    document.put("spiffe_sequence", bundle.getSequenceNumber());
    document.put("spiffe_refresh_hint", bundle.getRefreshHint());
    return document;
  }

  private static PublicKey publicKey(byte[] spki) throws GeneralSecurityException {
    X509EncodedKeySpec spec = new X509EncodedKeySpec(spki);
    try {
      return KeyFactory.getInstance("EC").generatePublic(spec);
    } catch (GeneralSecurityException e) { // the other kind there is
      return KeyFactory.getInstance("RSA").generatePublic(spec);
    }
  }

  private static Map<String, Object> key(PublicKey key) {
    Map<String, Object> jwk = new LinkedHashMap<>();
    if (key instanceof ECPublicKey ec) {
      int bits = ec.getParams().getCurve().getField().getFieldSize();
      int size = (bits + 7) / 8;
      jwk.put("kty", "EC");
      jwk.put("crv", "P-" + bits);
      jwk.put("x", fixed(ec.getW().getAffineX(), size));
      jwk.put("y", fixed(ec.getW().getAffineY(), size));
    } else if (key instanceof RSAPublicKey rsa) {
      jwk.put("kty", "RSA");
      jwk.put("n", fixed(rsa.getModulus(), (rsa.getModulus().bitLength() + 7) / 8));
      jwk.put("e", fixed(rsa.getPublicExponent(), (rsa.getPublicExponent().bitLength() + 7) / 8));
    } else {
      throw new IllegalArgumentException("a key of kind " + key.getAlgorithm());
    }
    return jwk;
  }

  private static String fixed(BigInteger number, int size) {
    byte[] bytes = number.toByteArray();
    byte[] out = new byte[size];
    int take = Math.min(bytes.length, size);
    System.arraycopy(bytes, bytes.length - take, out, size - take, take);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(out);
  }
}
