package dev.serai.signing;

import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.math.BigInteger;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.interfaces.ECKey;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import org.bouncycastle.asn1.x9.X9ECParameters;
import org.bouncycastle.crypto.Digest;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.digests.SHA384Digest;
import org.bouncycastle.crypto.digests.SHA512Digest;
import org.bouncycastle.crypto.ec.CustomNamedCurves;
import org.bouncycastle.crypto.params.ECDomainParameters;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.signers.DSAEncoding;
import org.bouncycastle.crypto.signers.ECDSASigner;
import org.bouncycastle.crypto.signers.HMacDSAKCalculator;
import org.bouncycastle.crypto.signers.PlainDSAEncoding;
import org.bouncycastle.crypto.signers.StandardDSAEncoding;

/**
 * ECDSA with BouncyCastle's light-weight classes and its hand-made curve arithmetic; pure Java.
 * RSA, where the JDK is the faster one, with the JDK. Signatures are deterministic (RFC 6979).
 */
final class BouncyCastleSignatures implements Signatures {
  private static final ECDomainParameters P256 = domain("P-256");
  private static final ECDomainParameters P384 = domain("P-384");
  private static final ECDomainParameters P521 = domain("P-521");

  private final Signatures rsa = JcaSignatures.jdk();

  private static ECDomainParameters domain(String name) {
    X9ECParameters curve = CustomNamedCurves.getByName(name);
    return new ECDomainParameters(
        curve.getCurve(), curve.getG(), curve.getN(), curve.getH(), curve.getSeed());
  }

  @Override
  public String provider() {
    return "bc";
  }

  @Override
  public SignatureVerifier verifier(PublicKey key) {
    if (!(key instanceof ECPublicKey ec)) {
      return rsa.verifier(key);
    }
    ECDomainParameters domain = domain(ec);
    ECPublicKeyParameters own =
        new ECPublicKeyParameters(
            domain.getCurve().createPoint(ec.getW().getAffineX(), ec.getW().getAffineY()), domain);
    return (algorithm, message, signature) -> {
      if (JcaSignatures.isRsa(algorithm)) {
        return false;
      }
      BigInteger[] values;
      try {
        values = encoding(algorithm).decode(domain.getN(), signature.toArray());
      } catch (IOException | RuntimeException e) { // malformed: it does not verify
        return false;
      }
      ECDSASigner engine = new ECDSASigner();
      engine.init(false, own);
      return engine.verifySignature(digest(algorithm, message), values[0], values[1]);
    };
  }

  @Override
  public MessageSigner signer(PrivateKey key) {
    if (!(key instanceof ECPrivateKey ec)) {
      return rsa.signer(key);
    }
    ECDomainParameters domain = domain(ec);
    ECPrivateKeyParameters own = new ECPrivateKeyParameters(ec.getS(), domain);
    return (algorithm, message) -> {
      if (JcaSignatures.isRsa(algorithm)) {
        throw new IllegalArgumentException(algorithm + " with a key of EC");
      }
      ECDSASigner engine = new ECDSASigner(new HMacDSAKCalculator(newDigest(algorithm)));
      engine.init(true, own);
      BigInteger[] values = engine.generateSignature(digest(algorithm, message));
      try {
        return Bytes.copyOf(encoding(algorithm).encode(domain.getN(), values[0], values[1]));
      } catch (IOException e) {
        throw new IllegalStateException("a signature that cannot be encoded", e);
      }
    };
  }

  private static ECDomainParameters domain(ECKey key) {
    return switch (key.getParams().getOrder().bitLength()) {
      case 256 -> P256;
      case 384 -> P384;
      case 521 -> P521;
      default -> throw new IllegalArgumentException("a curve that is not in use");
    };
  }

  private static DSAEncoding encoding(SignatureAlgorithm algorithm) {
    return algorithm.family() == SignatureAlgorithm.Family.ECDSA_DER
        ? StandardDSAEncoding.INSTANCE
        : PlainDSAEncoding.INSTANCE;
  }

  private static Digest newDigest(SignatureAlgorithm algorithm) {
    return switch (algorithm.hashBits()) {
      case 256 -> new SHA256Digest();
      case 384 -> new SHA384Digest();
      default -> new SHA512Digest();
    };
  }

  /** The JDK's digests are intrinsics, BouncyCastle's are not. */
  private static byte[] digest(SignatureAlgorithm algorithm, Bytes message) {
    try {
      MessageDigest digest = MessageDigest.getInstance(algorithm.hashName());
      message.writeTo(digest);
      return digest.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java has no " + algorithm.hashName(), e);
    }
  }
}
