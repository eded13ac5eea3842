package dev.serai.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.signing.MessageSigner;
import dev.serai.signing.Providers;
import dev.serai.signing.SignatureAlgorithm;
import dev.serai.signing.SignatureVerifier;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.util.ArrayList;
import java.util.List;

/** P-256 and RSA-2048 with each provider that loads here: what the order of providers rests on. */
public final class IssuingProviderBench {
  private static final Bytes MESSAGE = Bytes.copyOf(new byte[512]);

  private IssuingProviderBench() {}

  /** One line of JSON. */
  public static String run() {
    List<Signatures> providers = Providers.available();
    KeyPair p256 = keys("EC");
    KeyPair rsa = keys("RSA");
    double[] sign = measured(providers, p256, SignatureAlgorithm.ECDSA_SHA256_DER, true);
    double[] verify = measured(providers, p256, SignatureAlgorithm.ECDSA_SHA256_DER, false);
    double[] verifyRsa = measured(providers, rsa, SignatureAlgorithm.RSASSA_SHA256, false);
    ObjectNode line = new ObjectMapper().createObjectNode();
    line.put("bench", "providers").put("chosen", Signatures.fastest().provider());
    for (int i = 0; i < providers.size(); i++) {
      line.putObject(providers.get(i).provider())
          .put("p256_sign_us", Math.round(sign[i] / 100) / 10.0)
          .put("p256_verify_us", Math.round(verify[i] / 100) / 10.0)
          .put("p256_sign_and_verify_per_second", Math.round(1e9 / (sign[i] + verify[i])))
          .put("rsa2048_verify_us", Math.round(verifyRsa[i] / 100) / 10.0);
    }
    return line.toString();
  }

  private static double[] measured(
      List<Signatures> providers, KeyPair keys, SignatureAlgorithm algorithm, boolean sign) {
    List<AlternatingRounds.Kernel> kernels = new ArrayList<>();
    for (Signatures provider : providers) {
      MessageSigner signer = provider.signer(keys.getPrivate());
      if (sign) {
        kernels.add(() -> !signer.sign(algorithm, MESSAGE).isEmpty());
      } else {
        SignatureVerifier verifier = provider.verifier(keys.getPublic());
        Bytes signature = signer.sign(algorithm, MESSAGE);
        kernels.add(() -> verifier.verifies(algorithm, MESSAGE, signature));
      }
    }
    return AlternatingRounds.nanosPerOperation(kernels);
  }

  private static KeyPair keys(String algorithm) {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
      if (algorithm.equals("EC")) {
        generator.initialize(new ECGenParameterSpec("secp256r1"));
      } else {
        generator.initialize(2048);
      }
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no " + algorithm, e);
    }
  }
}
