package dev.serai.bench;

import com.amazon.corretto.crypto.provider.AmazonCorrettoCryptoProvider;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.issuing.IssuingKernel;
import dev.serai.signing.MessageSigner;
import dev.serai.signing.SignatureAlgorithm;
import dev.serai.signing.SignatureVerifier;
import dev.serai.signing.Signatures;
import dev.serai.store.Database;
import dev.serai.store.SqliteDatabase;
import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/**
 * Issuing one X509-SVID (read the request, check the CSR, authorize, sign, encode) against one bare
 * P-256 signature and one bare verification with the same provider in the same run.
 */
public final class IssuingBench {
  private IssuingBench() {}

  /** One line of JSON. */
  public static String run() {
    Signatures signatures = Signatures.fastest();
    try {
      Path directory = Files.createTempDirectory("serai-bench");
      try (Database database = SqliteDatabase.open(directory.resolve("bench.db"))) {
        KeyPair key = newKey();
        IssuingKernel kernel = IssuingKernel.open(database, directory, signatures, csr(key));
        double[] nanos =
            AlternatingRounds.nanosPerOperation(List.of(kernel::issue, bare(signatures, key)));
        return line(signatures.provider(), nanos[0], nanos[1]);
      } finally {
        delete(directory);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (GeneralSecurityException | OperatorCreationException e) {
      throw new IllegalStateException("this Java has no P-256", e);
    }
  }

  private static String line(String provider, double issue, double bare) {
    ObjectNode line = new ObjectMapper().createObjectNode();
    line.put("bench", "issuing")
        .put("provider", provider)
        .put("issue_us", rounded(issue / 1000))
        .put("sign_and_verify_us", rounded(bare / 1000))
        .put("svids_per_second", Math.round(1e9 / issue))
        .put("ratio", rounded(bare / issue))
        .put("wanted_ratio", 0.6);
    return line.toString();
  }

  private static double rounded(double value) {
    return Math.round(value * 1000) / 1000.0;
  }

  private static AlternatingRounds.Kernel bare(Signatures signatures, KeyPair key)
      throws GeneralSecurityException {
    byte[] message =
        "a message of the size of a certificate".repeat(12).getBytes(StandardCharsets.US_ASCII);
    return signatures.provider().equals("accp")
        ? bareCorretto(key, message)
        : bareOther(signatures, key, Bytes.copyOf(message));
  }

  /** The provider itself, without our wrapper around it. */
  private static AlternatingRounds.Kernel bareCorretto(KeyPair key, byte[] message)
      throws GeneralSecurityException {
    AmazonCorrettoCryptoProvider provider = AmazonCorrettoCryptoProvider.INSTANCE;
    KeyFactory keys = KeyFactory.getInstance("EC", provider);
    PrivateKey privateKey =
        keys.generatePrivate(new PKCS8EncodedKeySpec(key.getPrivate().getEncoded()));
    PublicKey publicKey = keys.generatePublic(new X509EncodedKeySpec(key.getPublic().getEncoded()));
    Signature signer = Signature.getInstance("SHA256withECDSA", provider);
    Signature verifier = Signature.getInstance("SHA256withECDSA", provider);
    return () -> {
      try {
        signer.initSign(privateKey);
        signer.update(message);
        byte[] signature = signer.sign();
        verifier.initVerify(publicKey);
        verifier.update(message);
        return verifier.verify(signature);
      } catch (GeneralSecurityException e) {
        return false;
      }
    };
  }

  private static AlternatingRounds.Kernel bareOther(
      Signatures signatures, KeyPair key, Bytes message) {
    MessageSigner signer = signatures.signer(key.getPrivate());
    SignatureVerifier verifier = signatures.verifier(key.getPublic());
    SignatureAlgorithm ecdsa = SignatureAlgorithm.ECDSA_SHA256_DER;
    return () -> verifier.verifies(ecdsa, message, signer.sign(ecdsa, message));
  }

  static KeyPair newKey() throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    return generator.generateKeyPair();
  }

  static Bytes csr(KeyPair key) throws OperatorCreationException, IOException {
    return Bytes.copyOf(
        new JcaPKCS10CertificationRequestBuilder(new X500Principal("O=Bench"), key.getPublic())
            .build(new JcaContentSignerBuilder("SHA256withECDSA").build(key.getPrivate()))
            .getEncoded());
  }

  static void delete(Path directory) {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
