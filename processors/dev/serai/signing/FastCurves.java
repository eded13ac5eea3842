package dev.serai.signing;

import com.amazon.corretto.crypto.provider.AmazonCorrettoCryptoProvider;
import java.math.BigInteger;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.InvalidParameterException;
import java.security.Key;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Security;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPrivateKeySpec;
import java.security.spec.ECPublicKeySpec;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import javax.crypto.KeyAgreement;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * JCA provider "SeraiCurves": Corretto's elliptic curves, and nothing else of it, for what asks the
 * JDK by name: its TLS and its certificate paths. A handshake of P-256 takes the JDK some
 * milliseconds of a processor and Corretto some tenths of one. Keys that are no software keys on a
 * NIST curve are left to the providers behind it, and so is everything where Corretto does not load
 * or gives wrong answers.
 */
public final class FastCurves extends Provider {
  /** The provider's name. */
  public static final String NAME = "SeraiCurves";

  private static final long serialVersionUID = 1L;
  private static final Logger LOG = LoggerFactory.getLogger(FastCurves.class);

  /** Groups of TLS, in the order in which they are offered. JSSE reads it once. */
  private static final String GROUPS = "jdk.tls.namedGroups";

  /** The JDK's own list with P-256 moved to its head: X25519 is in the JDK's arithmetic here. */
  private static final String P256_FIRST =
      "secp256r1,x25519,secp384r1,secp521r1,x448,"
          + "ffdhe2048,ffdhe3072,ffdhe4096,ffdhe6144,ffdhe8192";

  /** Later ones may know groups that are not in the list, and shall not lose them. */
  private static final int LAST_JAVA_WITH_THIS_LIST = 25;

  private static final Map<String, List<String>> BORROWED =
      Map.of(
          "Signature",
          List.of(
              "SHA256withECDSA",
              "SHA384withECDSA",
              "SHA512withECDSA",
              "SHA256withECDSAinP1363Format",
              "SHA384withECDSAinP1363Format",
              "SHA512withECDSAinP1363Format"),
          "KeyAgreement",
          List.of("ECDH"),
          "KeyPairGenerator",
          List.of("EC"));

  private FastCurves(Provider lender) {
    super(NAME, "1.0", "Elliptic curves of " + lender.getName());
    BORROWED.forEach(
        (type, algorithms) ->
            algorithms.forEach(algorithm -> borrow(lender.getService(type, algorithm))));
  }

  private void borrow(Provider.Service lent) {
    if (lent != null) {
      putService(new Borrowed(this, lent));
    }
  }

  /**
   * Puts the provider before all others of this JVM, once. Call it before the first TLS connection,
   * which fixes the order of the groups.
   *
   * @return whether it is there
   */
  public static synchronized boolean install() {
    if (Security.getProvider(NAME) != null) {
      return true;
    }
    if (!Providers.FASTEST.provider().equals("accp")) {
      return false;
    }
    FastCurves curves = new FastCurves(AmazonCorrettoCryptoProvider.INSTANCE);
    if (!agreesAsKnown(curves)) {
      LOG.warn("cryptographic provider accp agrees on wrong keys and is not used for TLS");
      return false;
    }
    Security.insertProviderAt(curves, 1);
    if (System.getProperty(GROUPS) == null
        && Runtime.version().feature() <= LAST_JAVA_WITH_THIS_LIST) {
      System.setProperty(GROUPS, P256_FIRST);
    }
    return true;
  }

  /** RFC 5903, 8.1: P-256. */
  static boolean agreesAsKnown(Provider provider) {
    try {
      ECParameterSpec curve = Curves.curve("secp256r1");
      KeyFactory keys = KeyFactory.getInstance("EC");
      PrivateKey own =
          keys.generatePrivate(
              new ECPrivateKeySpec(
                  number("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433"),
                  curve));
      PublicKey peer =
          keys.generatePublic(
              new ECPublicKeySpec(
                  new ECPoint(
                      number("d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"),
                      number("56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab")),
                  curve));
      KeyAgreement agreement = KeyAgreement.getInstance("ECDH", provider);
      agreement.init(own);
      agreement.doPhase(peer, true);
      return MessageDigest.isEqual(
          agreement.generateSecret(),
          HexFormat.of()
              .parseHex("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"));
    } catch (GeneralSecurityException | RuntimeException | LinkageError e) {
      LOG.info("{} agrees on no keys here: {}", provider.getName(), e.toString());
      return false;
    }
  }

  private static BigInteger number(String hex) {
    return new BigInteger(hex, 16);
  }

  /** The lender's service under our name. */
  private static final class Borrowed extends Provider.Service {
    private final Provider.Service lent;

    Borrowed(Provider own, Provider.Service lent) {
      super(own, lent.getType(), lent.getAlgorithm(), lent.getClassName(), List.of(), Map.of());
      this.lent = lent;
    }

    @Override
    public Object newInstance(Object parameter) throws NoSuchAlgorithmException {
      return lent.newInstance(parameter);
    }

    /** A key in the TPM says its curve but not its number, and its own provider signs with it. */
    @Override
    public boolean supportsParameter(Object parameter) {
      if (!(parameter instanceof Key)) {
        throw new InvalidParameterException("a key is expected");
      }
      return parameter instanceof ECPublicKey key && isKnown(key.getParams())
          || parameter instanceof ECPrivateKey secret
              && isKnown(secret.getParams())
              && secret.getEncoded() != null;
    }

    /** P-256, P-384 or P-521, whole: a key may say its curve itself, and say something else. */
    private static boolean isKnown(ECParameterSpec curve) {
      return curve != null
          && Curves.NIST.stream()
              .anyMatch(
                  nist ->
                      nist.getOrder().equals(curve.getOrder())
                          && nist.getCofactor() == curve.getCofactor()
                          && nist.getGenerator().equals(curve.getGenerator())
                          && nist.getCurve().equals(curve.getCurve()));
    }
  }

  private static final class Curves {
    static final List<ECParameterSpec> NIST =
        List.of(curve("secp256r1"), curve("secp384r1"), curve("secp521r1"));

    static ECParameterSpec curve(String name) {
      try {
        AlgorithmParameters parameters = AlgorithmParameters.getInstance("EC");
        parameters.init(new ECGenParameterSpec(name));
        return parameters.getParameterSpec(ECParameterSpec.class);
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("this Java has no " + name, e);
      }
    }
  }
}
