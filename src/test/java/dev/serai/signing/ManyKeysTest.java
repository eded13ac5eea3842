package dev.serai.signing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.tpm.Bytes;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ManyKeysTest {
  private static final SignatureAlgorithm ECDSA = SignatureAlgorithm.ECDSA_SHA256_DER;

  static List<Signatures> every_provider_keeps_its_keys_while_others_are_used() {
    return Providers.available();
  }

  @ParameterizedTest
  @MethodSource
  void every_provider_keeps_its_keys_while_others_are_used(Signatures signatures) throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    KeyPair one = generator.generateKeyPair();
    KeyPair other = generator.generateKeyPair();
    MessageSigner signsOne = signatures.signer(one.getPrivate());
    MessageSigner signsOther = signatures.signer(other.getPrivate());
    SignatureVerifier verifiesOne = signatures.verifier(one.getPublic());
    SignatureVerifier verifiesOther = signatures.verifier(other.getPublic());
    Bytes message = Bytes.ofText("message");
    for (int i = 0; i < 3; i++) {
      Bytes byOne = signsOne.sign(ECDSA, message);
      Bytes byOther = signsOther.sign(ECDSA, message);
      assertThat(verifiesOne.verifies(ECDSA, message, byOne)).isTrue();
      assertThat(verifiesOther.verifies(ECDSA, message, byOther)).isTrue();
      assertThat(verifiesOne.verifies(ECDSA, message, byOther)).isFalse();
    }
  }
}
