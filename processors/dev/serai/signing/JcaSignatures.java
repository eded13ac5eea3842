package dev.serai.signing;

import dev.serai.tpm.Bytes;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.Key;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Security;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.PSSParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.EnumMap;
import java.util.Map;

/** A JCA provider, its Signature objects kept per thread and its keys in its own form. */
final class JcaSignatures implements Signatures {
  private final String name;
  private final Provider ecProvider;
  private final Provider rsaProvider;
  private final ThreadLocal<Map<SignatureAlgorithm, Signature>> engines =
      ThreadLocal.withInitial(() -> new EnumMap<>(SignatureAlgorithm.class));

  JcaSignatures(String name, Provider ecProvider, Provider rsaProvider) {
    this.name = name;
    this.ecProvider = ecProvider;
    this.rsaProvider = rsaProvider;
  }

  /** The providers that come with Java. */
  static JcaSignatures jdk() {
    return new JcaSignatures(
        "jdk", Security.getProvider("SunEC"), Security.getProvider("SunRsaSign"));
  }

  @Override
  public String provider() {
    return name;
  }

  @Override
  public SignatureVerifier verifier(PublicKey key) {
    boolean rsa = isRsa(key);
    PublicKey own = (PublicKey) translated(key, rsa);
    return (algorithm, message, signature) -> {
      if (isRsa(algorithm) != rsa) {
        return false;
      }
      Signature engine = engine(algorithm);
      try {
        engine.initVerify(own);
        engine.update(message.toArray());
        return engine.verify(signature.toArray());
      } catch (SignatureException e) { // malformed: it does not verify
        return false;
      } catch (InvalidKeyException e) {
        throw new IllegalStateException(name + " does not take its own key", e);
      }
    };
  }

  @Override
  public MessageSigner signer(PrivateKey key) {
    boolean rsa = isRsa(key);
    PrivateKey own = (PrivateKey) translated(key, rsa);
    return (algorithm, message) -> {
      if (isRsa(algorithm) != rsa) {
        throw new IllegalArgumentException(algorithm + " with a key of " + key.getAlgorithm());
      }
      Signature engine = engine(algorithm);
      try {
        engine.initSign(own);
        engine.update(message.toArray());
        return Bytes.copyOf(engine.sign());
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(name + " did not sign", e);
      }
    };
  }

  /**
   * The key in the provider's own form. Not by translateKey: Corretto destroys what that made as
   * soon as the Signature object it is used with gets another key.
   */
  private Key translated(Key key, boolean rsa) {
    try {
      KeyFactory factory =
          KeyFactory.getInstance(rsa ? "RSA" : "EC", rsa ? rsaProvider : ecProvider);
      return key instanceof PublicKey
          ? factory.generatePublic(new X509EncodedKeySpec(key.getEncoded()))
          : factory.generatePrivate(new PKCS8EncodedKeySpec(key.getEncoded()));
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException(name + " does not take this key", e);
    }
  }

  private Signature engine(SignatureAlgorithm algorithm) {
    return engines.get().computeIfAbsent(algorithm, this::newEngine);
  }

  private Signature newEngine(SignatureAlgorithm algorithm) {
    try {
      Signature engine =
          Signature.getInstance(algorithm.jcaName(), isRsa(algorithm) ? rsaProvider : ecProvider);
      if (algorithm.family() == SignatureAlgorithm.Family.RSAPSS) {
        String hash = algorithm.hashName();
        engine.setParameter(
            new PSSParameterSpec(
                hash, "MGF1", new MGF1ParameterSpec(hash), algorithm.hashBits() / 8, 1));
      }
      return engine;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(name + " has no " + algorithm, e);
    }
  }

  private static boolean isRsa(Key key) {
    return key.getAlgorithm().startsWith("RSA");
  }

  static boolean isRsa(SignatureAlgorithm algorithm) {
    return algorithm.family() == SignatureAlgorithm.Family.RSASSA
        || algorithm.family() == SignatureAlgorithm.Family.RSAPSS;
  }
}
