package dev.serai.signing;

import com.amazon.corretto.crypto.provider.AmazonCorrettoCryptoProvider;
import dev.serai.tpm.Bytes;
import java.math.BigInteger;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which providers there are, fastest first. The order is the result of {@code serai bench
 * providers}: in microseconds of one core, P-256 takes Corretto 35 to verify and 12 to sign,
 * BouncyCastle's light-weight classes 57 and 63, SunEC of Java 17 704 and 381. It is not measured
 * at every start: a cold JVM would measure its compiler. Each candidate must load and give known
 * answers.
 */
public final class Providers {
  private static final Logger LOG = LoggerFactory.getLogger(Providers.class);

  static final Signatures FASTEST = available().get(0);

  private Providers() {}

  /** All that work here, fastest first; the last is the JDK's own. */
  public static List<Signatures> available() {
    List<Signatures> working = new ArrayList<>();
    candidate("accp", Providers::corretto).ifPresent(working::add);
    candidate("bc", BouncyCastleSignatures::new).ifPresent(working::add);
    working.add(JcaSignatures.jdk());
    return List.copyOf(working);
  }

  private static Signatures corretto() {
    AmazonCorrettoCryptoProvider provider = AmazonCorrettoCryptoProvider.INSTANCE;
    if (provider.getLoadingError() != null) {
      throw new IllegalStateException(provider.getLoadingError());
    }
    return new JcaSignatures("accp", provider, provider);
  }

  private static Optional<Signatures> candidate(String name, Supplier<Signatures> maker) {
    try {
      Signatures signatures = maker.get();
      if (givesKnownAnswers(signatures)) {
        return Optional.of(signatures);
      }
      LOG.warn("cryptographic provider {} gives wrong answers and is not used", name);
    } catch (RuntimeException | LinkageError e) { // no library for this machine is no error
      LOG.info("cryptographic provider {} does not load here: {}", name, e.toString());
    }
    return Optional.empty();
  }

  /** RFC 6979, A.2.5: P-256, SHA-256, message "sample". */
  static boolean givesKnownAnswers(Signatures signatures) {
    SignatureVerifier verifier = signatures.verifier(knownKey());
    Bytes signature =
        Bytes.ofHex(
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                + "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
    SignatureAlgorithm algorithm = SignatureAlgorithm.ECDSA_SHA256_P1363;
    return verifier.verifies(algorithm, Bytes.ofText("sample"), signature)
        && !verifier.verifies(algorithm, Bytes.ofText("Sample"), signature);
  }

  private static PublicKey knownKey() {
    try {
      AlgorithmParameters parameters = AlgorithmParameters.getInstance("EC");
      parameters.init(new ECGenParameterSpec("secp256r1"));
      ECPoint point =
          new ECPoint(
              new BigInteger(
                  "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6", 16),
              new BigInteger(
                  "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299", 16));
      return KeyFactory.getInstance("EC")
          .generatePublic(
              new ECPublicKeySpec(point, parameters.getParameterSpec(ECParameterSpec.class)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no P-256", e);
    }
  }
}
