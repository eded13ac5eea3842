package dev.serai.signing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.Key;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Security;
import java.security.Signature;
import java.security.interfaces.ECKey;
import java.security.interfaces.ECPublicKey;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import javax.crypto.Cipher;
import javax.crypto.KeyAgreement;
import javax.crypto.KeyAgreementSpi;
import javax.crypto.SecretKey;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FastCurvesTest {
  private static final byte[] MESSAGE = "a message".getBytes(StandardCharsets.US_ASCII);
  private static final Provider JDK = Security.getProvider("SunEC");

  @BeforeAll
  static void install() {
    boolean there = FastCurves.install();
    assertThat(there).isEqualTo(Signatures.fastest().provider().equals("accp"));
    assumeThat(there).as("Corretto loads on this machine").isTrue();
  }

  private static KeyPair keys(String curve, Provider provider) throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", provider);
    generator.initialize(new ECGenParameterSpec(curve));
    return generator.generateKeyPair();
  }

  private static Provider ours() {
    return Security.getProvider(FastCurves.NAME);
  }

  @Test
  void it_is_there_once_and_before_all_others() {
    FastCurves.install();
    assertThat(Security.getProviders()[0].getName()).isEqualTo(FastCurves.NAME);
    assertThat(Security.getProviders())
        .filteredOn(provider -> provider.getName().equals(FastCurves.NAME))
        .hasSize(1);
  }

  @Test
  void nothing_but_curves_is_asked_of_it() throws Exception {
    assertThat(MessageDigest.getInstance("SHA-256").getProvider().getName()).isEqualTo("SUN");
    assertThat(Cipher.getInstance("AES/GCM/NoPadding").getProvider().getName()).isEqualTo("SunJCE");
    assertThat(ours().getServices())
        .extracting(Provider.Service::getType)
        .containsOnly("Signature", "KeyAgreement", "KeyPairGenerator");
  }

  @ParameterizedTest
  @CsvSource({"secp256r1,SHA256", "secp384r1,SHA384", "secp521r1,SHA512"})
  void the_jdk_and_it_believe_each_other(String curve, String hash) throws Exception {
    KeyPair pair = keys(curve, JDK);
    for (String form : new String[] {"", "inP1363Format"}) {
      String algorithm = hash + "withECDSA" + form;
      Signature own = Signature.getInstance(algorithm);
      own.initSign(pair.getPrivate());
      assertThat(own.getProvider().getName()).isEqualTo(FastCurves.NAME);
      own.update(MESSAGE);
      byte[] signed = own.sign();
      assertThat(verifies(Signature.getInstance(algorithm, JDK), pair.getPublic(), signed))
          .isTrue();
      Signature jdk = Signature.getInstance(algorithm, JDK);
      jdk.initSign(pair.getPrivate());
      jdk.update(MESSAGE);
      byte[] byJdk = jdk.sign();
      assertThat(verifies(Signature.getInstance(algorithm), pair.getPublic(), byJdk)).isTrue();
      byJdk[byJdk.length - 1] ^= 1;
      assertThat(verifies(Signature.getInstance(algorithm), pair.getPublic(), byJdk)).isFalse();
    }
  }

  private static boolean verifies(Signature engine, PublicKey key, byte[] signature)
      throws Exception {
    engine.initVerify(key);
    engine.update(MESSAGE);
    return engine.verify(signature);
  }

  @ParameterizedTest
  @ValueSource(strings = {"secp256r1", "secp384r1", "secp521r1"})
  void it_agrees_with_the_jdk_on_a_key(String curve) throws Exception {
    KeyPair ofJdk = keys(curve, JDK);
    KeyPair own = keys(curve, ours());
    assertThat(agreed(KeyAgreement.getInstance("ECDH", ours()), own, ofJdk))
        .isEqualTo(agreed(KeyAgreement.getInstance("ECDH", JDK), ofJdk, own));
  }

  private static byte[] agreed(KeyAgreement agreement, KeyPair own, KeyPair peer) throws Exception {
    agreement.init(own.getPrivate());
    agreement.doPhase(peer.getPublic(), true);
    return agreement.generateSecret();
  }

  /** Agrees with everybody on the same. */
  public static final class Wrong extends KeyAgreementSpi {
    @Override
    protected void engineInit(Key key, SecureRandom random) {}

    @Override
    protected void engineInit(Key key, AlgorithmParameterSpec parameters, SecureRandom random) {}

    @Override
    protected Key engineDoPhase(Key key, boolean lastPhase) {
      return null;
    }

    @Override
    protected byte[] engineGenerateSecret() {
      return new byte[32];
    }

    @Override
    protected int engineGenerateSecret(byte[] secret, int offset) {
      return 0;
    }

    @Override
    protected SecretKey engineGenerateSecret(String algorithm) {
      return null;
    }
  }

  private static final class WrongProvider extends Provider {
    private static final long serialVersionUID = 1L;

    WrongProvider() {
      super("Wrong", "1.0", "");
      put("KeyAgreement.ECDH", Wrong.class.getName());
    }
  }

  @Test
  void a_provider_that_agrees_on_wrong_keys_or_on_none_is_found_out() {
    assertThat(FastCurves.agreesAsKnown(ours())).isTrue();
    assertThat(FastCurves.agreesAsKnown(JDK)).isTrue();
    assertThat(FastCurves.agreesAsKnown(new WrongProvider())).isFalse();
    assertThat(FastCurves.agreesAsKnown(Security.getProvider("SUN"))).isFalse();
  }

  /** As a key in the TPM is: it names its curve and has no number to show. */
  private record HiddenKey(ECParameterSpec curve) implements PrivateKey, ECKey {
    @Override
    public ECParameterSpec getParams() {
      return curve;
    }

    @Override
    public String getAlgorithm() {
      return "EC";
    }

    @Override
    public String getFormat() {
      return null;
    }

    @Override
    public byte[] getEncoded() {
      return null;
    }
  }

  /** A key on a curve of its own making: all of P-256 but the generator. */
  private record OtherGenerator(ECPublicKey key) implements ECPublicKey {
    @Override
    public ECPoint getW() {
      return key.getW();
    }

    @Override
    public ECParameterSpec getParams() {
      ECParameterSpec p256 = key.getParams();
      return new ECParameterSpec(p256.getCurve(), key.getW(), p256.getOrder(), p256.getCofactor());
    }

    @Override
    public String getAlgorithm() {
      return "EC";
    }

    @Override
    public String getFormat() {
      return key.getFormat();
    }

    @Override
    public byte[] getEncoded() {
      return key.getEncoded();
    }
  }

  @Test
  void a_key_that_it_cannot_have_is_left_to_others() throws Exception {
    ECPublicKey p256 = (ECPublicKey) keys("secp256r1", JDK).getPublic();
    Provider.Service signatures = ours().getService("Signature", "SHA256withECDSA");
    assertThat(signatures.supportsParameter(p256)).isTrue();
    assertThat(signatures.supportsParameter(new HiddenKey(p256.getParams()))).isFalse();
    assertThat(signatures.supportsParameter(new OtherGenerator(p256))).isFalse();
    Signature nobody = Signature.getInstance("SHA256withECDSA", ours());
    assertThatThrownBy(() -> nobody.initSign(new HiddenKey(p256.getParams())))
        .isInstanceOf(InvalidKeyException.class);
  }
}
