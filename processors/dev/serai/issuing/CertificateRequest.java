package dev.serai.issuing;

import dev.serai.signing.SignatureAlgorithm;
import dev.serai.signing.SignatureVerifier;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECFieldFp;
import java.security.spec.ECPoint;
import java.security.spec.EllipticCurve;
import java.security.spec.RSAPublicKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/**
 * A PKCS#10 request, of which only the key counts. RFC 2986.
 *
 * @param publicKeyInfo the key, DER SubjectPublicKeyInfo, as received
 */
record CertificateRequest(
    Bytes publicKeyInfo,
    PublicKey key,
    Bytes signedPart,
    SignatureAlgorithm algorithm,
    Bytes signature) {

  private static final int MAX_SIZE = 16 << 10;
  private static final BigInteger MAX_RSA_EXPONENT = BigInteger.ONE.shiftLeft(32);
  private static final Bytes RSA = Bytes.copyOf(Der.oid("1.2.840.113549.1.1.1"));
  private static final Bytes EC = Bytes.copyOf(Der.oid("1.2.840.10045.2.1"));
  private static final Map<Bytes, Integer> CURVES =
      Map.of(
          Bytes.copyOf(Der.oid("1.2.840.10045.3.1.7")), 256,
          Bytes.copyOf(Der.oid("1.3.132.0.34")), 384,
          Bytes.copyOf(Der.oid("1.3.132.0.35")), 521);
  private static final Map<Bytes, SignatureAlgorithm> ALGORITHMS =
      Map.of(
          Bytes.copyOf(Der.oid("1.2.840.10045.4.3.2")), SignatureAlgorithm.ECDSA_SHA256_DER,
          Bytes.copyOf(Der.oid("1.2.840.10045.4.3.3")), SignatureAlgorithm.ECDSA_SHA384_DER,
          Bytes.copyOf(Der.oid("1.2.840.10045.4.3.4")), SignatureAlgorithm.ECDSA_SHA512_DER,
          Bytes.copyOf(Der.oid("1.2.840.113549.1.1.11")), SignatureAlgorithm.RSASSA_SHA256,
          Bytes.copyOf(Der.oid("1.2.840.113549.1.1.12")), SignatureAlgorithm.RSASSA_SHA384,
          Bytes.copyOf(Der.oid("1.2.840.113549.1.1.13")), SignatureAlgorithm.RSASSA_SHA512);

  private static final ThreadLocal<KeyFactory> EC_KEYS = ThreadLocal.withInitial(() -> keys("EC"));
  private static final ThreadLocal<KeyFactory> RSA_KEYS =
      ThreadLocal.withInitial(() -> keys("RSA"));

  /**
   * @throws MalformedDerException also for keys and algorithms that are not taken
   */
  static CertificateRequest parse(Bytes der) throws MalformedDerException {
    if (der.size() > MAX_SIZE) {
      throw new MalformedDerException("request is larger than " + MAX_SIZE + " bytes");
    }
    DerReader outer = new DerReader(der.toArray());
    DerReader request = outer.enter(Der.SEQUENCE);
    outer.end();
    byte[] info = request.element(Der.SEQUENCE);
    DerReader algorithm = request.enter(Der.SEQUENCE);
    Bytes algorithmId = Bytes.copyOf(algorithm.element(Der.OID));
    if (!algorithm.atEnd() && algorithm.content(Der.NULL).length != 0) {
      throw new MalformedDerException("parameters of the signature algorithm");
    }
    algorithm.end();
    byte[] signature = request.bitString();
    request.end();

    DerReader fields = new DerReader(info).enter(Der.SEQUENCE);
    byte[] version = fields.content(Der.INTEGER);
    if (version.length != 1 || version[0] != 0) {
      throw new MalformedDerException("request is not of version 1");
    }
    fields.element(Der.SEQUENCE); // subject: not looked at
    byte[] publicKeyInfo = fields.element(Der.SEQUENCE);
    if (!fields.atEnd()) {
      fields.element(0xa0); // attributes: not looked at
    }
    fields.end();
    return new CertificateRequest(
        Bytes.copyOf(publicKeyInfo),
        key(publicKeyInfo),
        Bytes.copyOf(info),
        Optional.ofNullable(ALGORITHMS.get(algorithmId))
            .orElseThrow(() -> new MalformedDerException("signature algorithm is not taken")),
        Bytes.copyOf(signature));
  }

  /** Whether the requester holds the private key; false for a key that nobody can have. */
  boolean isSignedByItsKey(Signatures signatures) {
    SignatureVerifier verifier;
    try {
      verifier = signatures.verifier(key);
    } catch (IllegalArgumentException e) { // the provider looks closer than Java's key factory
      return false;
    }
    return verifier.verifies(algorithm, signedPart, signature);
  }

  static PublicKey key(byte[] publicKeyInfo) throws MalformedDerException {
    DerReader info = new DerReader(publicKeyInfo).enter(Der.SEQUENCE);
    DerReader algorithm = info.enter(Der.SEQUENCE);
    Bytes kind = Bytes.copyOf(algorithm.element(Der.OID));
    info.bitString();
    info.end();
    try {
      if (kind.equals(EC)) {
        if (!CURVES.containsKey(Bytes.copyOf(algorithm.element(Der.OID)))) {
          throw new MalformedDerException("curve is not P-256, P-384 or P-521");
        }
        ECPublicKey key =
            (ECPublicKey) EC_KEYS.get().generatePublic(new X509EncodedKeySpec(publicKeyInfo));
        if (!isOnCurve(key)) {
          throw new MalformedDerException("the point is not on the curve");
        }
        return key;
      }
      if (kind.equals(RSA)) {
        RSAPublicKey key =
            (RSAPublicKey) RSA_KEYS.get().generatePublic(new X509EncodedKeySpec(publicKeyInfo));
        int bits = key.getModulus().bitLength();
        if (bits < 2048 || bits > 8192 || key.getPublicExponent().compareTo(MAX_RSA_EXPONENT) > 0) {
          throw new MalformedDerException("RSA key is not of 2048 to 8192 bits");
        }
        // It goes into the certificate as it is, and others read it more strictly than Java.
        PublicKey canonical =
            RSA_KEYS
                .get()
                .generatePublic(new RSAPublicKeySpec(key.getModulus(), key.getPublicExponent()));
        if (!Arrays.equals(canonical.getEncoded(), publicKeyInfo)) {
          throw new MalformedDerException("RSA key is not in DER");
        }
        return key;
      }
    } catch (GeneralSecurityException e) {
      throw new MalformedDerException("key cannot be read");
    }
    throw new MalformedDerException("key is neither EC nor RSA");
  }

  /** Not every provider looks when it makes a key, and those that do, only when it is used. */
  private static boolean isOnCurve(ECPublicKey key) {
    ECPoint point = key.getW();
    EllipticCurve curve = key.getParams().getCurve();
    BigInteger p = ((ECFieldFp) curve.getField()).getP();
    if (point.equals(ECPoint.POINT_INFINITY)
        || point.getAffineX().compareTo(p) >= 0
        || point.getAffineY().compareTo(p) >= 0) {
      return false;
    }
    BigInteger x = point.getAffineX();
    BigInteger right = x.multiply(x).add(curve.getA()).multiply(x).add(curve.getB()).mod(p);
    return point.getAffineY().pow(2).mod(p).equals(right);
  }

  private static KeyFactory keys(String algorithm) {
    try {
      return KeyFactory.getInstance(algorithm);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no " + algorithm, e);
    }
  }
}
