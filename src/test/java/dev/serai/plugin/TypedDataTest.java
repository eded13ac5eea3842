package dev.serai.plugin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.plugin.PluginCall.VerifySignature;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.Signature;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is signed, and how signatures are checked, without a TPM. */
class TypedDataTest {
  @TempDir Path dir;

  private static final Map<String, KeyPair> KEYS = new HashMap<>();

  /** The same each time: a new one takes a while. */
  private static KeyPair keys(String algorithm) throws Exception {
    KeyPair known = KEYS.get(algorithm);
    if (known == null) {
      known = newKeys(algorithm);
      KEYS.put(algorithm, known);
    }
    return known;
  }

  private static KeyPair newKeys(String algorithm) throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
    generator.initialize(algorithm.equals("EC") ? 256 : 2048);
    return generator.generateKeyPair();
  }

  private static Bytes sha256(Bytes data) throws Exception {
    return Bytes.copyOf(MessageDigest.getInstance("SHA-256").digest(data.toArray()));
  }

  @Test
  void what_openssl_requests_for_the_key_is_typed() throws Exception {
    KeyPair keys = keys("EC");
    Bytes info = Bytes.copyOf(keys.getPublic().getEncoded());
    Path key = dir.resolve("key.pem");
    Files.writeString(
        key,
        "-----BEGIN PRIVATE KEY-----\n"
            + Base64.getMimeEncoder().encodeToString(keys.getPrivate().getEncoded())
            + "\n-----END PRIVATE KEY-----\n");
    Path out = dir.resolve("csr.der");
    Process openssl =
        new ProcessBuilder(
                "openssl",
                "req",
                "-new",
                "-key",
                key.toString(),
                "-outform",
                "DER",
                "-out",
                out.toString(),
                "-subj",
                "/C=US/O=SPIRE",
                "-addext",
                "subjectAltName=URI:spiffe://test.example/x")
            .redirectErrorStream(true)
            .redirectOutput(dir.resolve("log").toFile())
            .start();
    assertThat(openssl.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(openssl.exitValue()).isZero();
    Bytes request =
        Bytes.copyOf(
            new PKCS10CertificationRequest(Files.readAllBytes(out))
                .toASN1Structure()
                .getCertificationRequestInfo()
                .getEncoded());
    assertThat(TypedData.digest(request, false, info)).isEqualTo(sha256(request));
    Bytes other = Bytes.copyOf(newKeys("EC").getPublic().getEncoded());
    assertThatThrownBy(() -> TypedData.digest(request, false, other))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.SIGNING_NOT_TYPED));
  }

  @Test
  void the_request_of_a_spire_agent_has_one_text() throws Exception {
    Bytes info = Bytes.copyOf(keys("RSA").getPublic().getEncoded());
    Bytes request = TypedData.spireRequest(info);
    // RFC 2986: version 0, C=US and O=SPIRE as PrintableString, the key, an empty [0].
    String hex = request.toHex();
    assertThat(hex)
        .contains("020100" + "301d310b3009060355040613025553310e300c060355040a13055350495245")
        .contains(info.toHex())
        .endsWith("a000");
    assertThat(TypedData.digest(sha256(request), true, info)).isEqualTo(sha256(request));
  }

  @ParameterizedTest
  @EnumSource(
      value = TpmHash.class,
      names = {"SHA256", "SHA384", "SHA512"})
  void signatures_of_every_kind_are_checked(TpmHash hash) throws Exception {
    Bytes data = Bytes.ofText("data");
    String digits = hash.name().substring(3);
    Map<String, KeyPair> algorithms =
        Map.of("SHA" + digits + "withRSA", keys("RSA"), "SHA" + digits + "withECDSA", keys("EC"));
    for (Map.Entry<String, KeyPair> entry : algorithms.entrySet()) {
      Signature signer = Signature.getInstance(entry.getKey());
      signer.initSign(entry.getValue().getPrivate());
      signer.update("data".getBytes(StandardCharsets.UTF_8));
      Bytes signature = Bytes.copyOf(signer.sign());
      var key = entry.getValue().getPublic();
      Bytes digest = Bytes.copyOf(hash.newDigest().digest(data.toArray()));
      assertThat(SignatureCheck.isGood(key, new VerifySignature(data, signature, hash, false)))
          .isTrue();
      assertThat(SignatureCheck.isGood(key, new VerifySignature(digest, signature, hash, true)))
          .isTrue();
      assertThat(SignatureCheck.isGood(key, new VerifySignature(digest, signature, hash, false)))
          .isFalse();
      assertThat(SignatureCheck.isGood(key, new VerifySignature(data, signature, hash, true)))
          .isFalse();
      assertThat(SignatureCheck.isGood(key, new VerifySignature(data, data, hash, false)))
          .isFalse();
    }
  }
}
