package dev.serai.signing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.tpm.Bytes;
import java.math.BigInteger;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.spec.ECGenParameterSpec;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SignaturesTest {
  private static final Bytes MESSAGE = Bytes.ofText("a message");
  private static final KeyPair P256 = ec("secp256r1");
  private static final KeyPair P384 = ec("secp384r1");
  private static final KeyPair RSA = rsa();

  private static KeyPair ec(String curve) {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec(curve));
      return generator.generateKeyPair();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static KeyPair rsa() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
      generator.initialize(2048);
      return generator.generateKeyPair();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static KeyPair keys(SignatureAlgorithm algorithm) {
    if (JcaSignatures.isRsa(algorithm)) {
      return RSA;
    }
    return algorithm.hashBits() == 384 ? P384 : P256;
  }

  static Stream<Signatures> providers() {
    return Providers.available().stream();
  }

  static Stream<Arguments> pairsAndAlgorithms() {
    List<Signatures> all = Providers.available();
    return all.stream()
        .flatMap(
            signer ->
                all.stream()
                    .flatMap(
                        verifier ->
                            Stream.of(SignatureAlgorithm.values())
                                .map(a -> Arguments.of(signer, verifier, a))));
  }

  @Test
  void there_is_always_a_provider_and_the_first_is_used() {
    List<Signatures> available = Providers.available();
    assertThat(available.get(available.size() - 1).provider()).isEqualTo("jdk");
    assertThat(Signatures.fastest().provider()).isEqualTo(available.get(0).provider());
    assertThat(available).extracting(Signatures::provider).contains("bc", "jdk");
  }

  @ParameterizedTest
  @MethodSource("pairsAndAlgorithms")
  void each_provider_verifies_what_each_other_signs(
      Signatures signer, Signatures verifier, SignatureAlgorithm algorithm) {
    KeyPair keys = keys(algorithm);
    Bytes signature = signer.signer(keys.getPrivate()).sign(algorithm, MESSAGE);
    SignatureVerifier check = verifier.verifier(keys.getPublic());

    assertThat(check.verifies(algorithm, MESSAGE, signature)).isTrue();
    assertThat(check.verifies(algorithm, Bytes.ofText("another"), signature)).isFalse();
    byte[] changed = signature.toArray();
    changed[changed.length - 1] ^= 1;
    assertThat(check.verifies(algorithm, MESSAGE, Bytes.copyOf(changed))).isFalse();
  }

  @ParameterizedTest
  @MethodSource("providers")
  void what_is_malformed_does_not_verify(Signatures provider) {
    for (SignatureAlgorithm algorithm : SignatureAlgorithm.values()) {
      SignatureVerifier verifier = provider.verifier(keys(algorithm).getPublic());
      for (String hex : List.of("", "00", "3000", "3006020100020100", "ff".repeat(64))) {
        assertThat(verifier.verifies(algorithm, MESSAGE, Bytes.ofHex(hex)))
            .as("%s %s", algorithm, hex)
            .isFalse();
      }
      assertThat(verifier.verifies(algorithm, MESSAGE, Bytes.copyOf(new byte[64]))).isFalse();
      assertThat(verifier.verifies(algorithm, MESSAGE, Bytes.copyOf(new byte[256]))).isFalse();
    }
  }

  @ParameterizedTest
  @MethodSource("providers")
  void a_tpm_s_high_s_is_as_good_as_a_low_one(Signatures provider) {
    BigInteger order =
        new BigInteger("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16);
    Bytes signature =
        provider.signer(P256.getPrivate()).sign(SignatureAlgorithm.ECDSA_SHA256_P1363, MESSAGE);
    BigInteger s = new BigInteger(1, signature.slice(32, 32).toArray());
    Bytes other =
        Bytes.concat(signature.slice(0, 32), Bytes.ofHex("%064x".formatted(order.subtract(s))));
    assertThat(
            provider
                .verifier(P256.getPublic())
                .verifies(SignatureAlgorithm.ECDSA_SHA256_P1363, MESSAGE, other))
        .isTrue();
  }

  @ParameterizedTest
  @MethodSource("providers")
  void a_key_of_another_kind_does_not_verify_and_does_not_sign(Signatures provider) {
    assertThat(
            provider
                .verifier(P256.getPublic())
                .verifies(SignatureAlgorithm.RSASSA_SHA256, MESSAGE, MESSAGE))
        .isFalse();
    assertThat(
            provider
                .verifier(RSA.getPublic())
                .verifies(SignatureAlgorithm.ECDSA_SHA256_DER, MESSAGE, MESSAGE))
        .isFalse();
    MessageSigner signer = provider.signer(P256.getPrivate());
    assertThatThrownBy(() -> signer.sign(SignatureAlgorithm.RSASSA_SHA256, MESSAGE))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @MethodSource("providers")
  void one_key_serves_many_threads(Signatures provider) throws Exception {
    SignatureVerifier verifier = provider.verifier(P256.getPublic());
    MessageSigner signer = provider.signer(P256.getPrivate());
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Future<Boolean>> results =
          IntStream.range(0, 200)
              .mapToObj(
                  i ->
                      threads.submit(
                          () -> {
                            Bytes message = Bytes.ofText("message " + i);
                            SignatureAlgorithm algorithm = SignatureAlgorithm.ECDSA_SHA256_DER;
                            return verifier.verifies(
                                algorithm, message, signer.sign(algorithm, message));
                          }))
              .toList();
      for (Future<Boolean> result : results) {
        assertThat(result.get()).isTrue();
      }
    } finally {
      threads.shutdown();
    }
  }

  @Test
  void a_provider_with_wrong_answers_is_not_used() {
    Signatures yes =
        new Signatures() {
          @Override
          public String provider() {
            return "always yes";
          }

          @Override
          public SignatureVerifier verifier(PublicKey key) {
            return (algorithm, message, signature) -> true;
          }

          @Override
          public MessageSigner signer(PrivateKey key) {
            return (algorithm, message) -> message;
          }
        };
    assertThat(Providers.givesKnownAnswers(yes)).isFalse();
    assertThat(Providers.givesKnownAnswers(Signatures.fastest())).isTrue();
  }
}
