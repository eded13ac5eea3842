package dev.serai.bench;

import com.amazon.corretto.crypto.provider.AmazonCorrettoCryptoProvider;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.appraisal.AppraisalPolicy;
import dev.serai.appraisal.AttestationKey;
import dev.serai.appraisal.Baseline;
import dev.serai.appraisal.CertifyVerifier;
import dev.serai.appraisal.Check;
import dev.serai.appraisal.ClockPolicy;
import dev.serai.appraisal.PcrPolicy;
import dev.serai.appraisal.PcrRule;
import dev.serai.appraisal.QuoteVerifier;
import dev.serai.appraisal.SignedStatement;
import dev.serai.appraisal.Trusted;
import dev.serai.signing.SignatureAlgorithm;
import dev.serai.signing.SignatureVerifier;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.TpmName;
import dev.serai.tpm.wire.TpmtPublic;
import dev.serai.tpm.wire.TpmtSignature;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The appraisal kernel (parse and verify one quote and one certify, policy included) against two
 * bare verifications with the same provider in the same run.
 */
public final class AppraisalBench {
  private final RecordedStatements sample;
  private final Signatures signatures;
  private final AttestationKey ak;
  private final AppraisalPolicy policy;

  private AppraisalBench(RecordedStatements sample, Signatures signatures) {
    this.sample = sample;
    this.signatures = signatures;
    this.ak = AttestationKey.of(sample.ek(), sample.ak(), signatures);
    SortedMap<Integer, PcrRule> rules = new TreeMap<>();
    for (int index = 0; index < 8; index++) {
      rules.put(
          index,
          new PcrRule.AnyOf(Set.of(Bytes.copyOf(new byte[32]), Bytes.ofHex("ff".repeat(32)))));
    }
    this.policy =
        new AppraisalPolicy(
            "bench", new PcrPolicy(Map.of(TpmHash.SHA256, rules)), ClockPolicy.STRICT);
  }

  /** One line of JSON. */
  public static String run() {
    Signatures signatures = Signatures.fastest();
    ObjectNode line = new ObjectMapper().createObjectNode();
    line.put("bench", "appraisal").put("provider", signatures.provider());
    for (RecordedStatements sample :
        List.of(RecordedStatements.rsa2048(), RecordedStatements.p256())) {
      AppraisalBench bench = new AppraisalBench(sample, signatures);
      double[] nanos = AlternatingRounds.nanosPerOperation(List.of(bench::kernel, bench.bare()));
      String key = sample.name().toLowerCase(Locale.ROOT).replace("-", "");
      line.putObject(key)
          .put("kernel_us", rounded(nanos[0] / 1000))
          .put("two_verifications_us", rounded(nanos[1] / 1000))
          .put("kernels_per_second", Math.round(1e9 / nanos[0]))
          .put("ratio", rounded(nanos[1] / nanos[0]))
          .put("wanted_ratio", 0.6);
    }
    return line.toString();
  }

  private static double rounded(double value) {
    return Math.round(value * 1000) / 1000.0;
  }

  /** What the steps of a route do with one node's statements, from bytes to verdict. */
  private boolean kernel() {
    TpmtPublic appKey;
    try {
      appKey = TpmtPublic.parse(sample.appKey());
    } catch (MalformedStructureException e) {
      return false;
    }
    Check<TpmName> certified =
        CertifyVerifier.verify(sample.certify(), ak, RecordedStatements.CERTIFY_DATA, appKey);
    Check<Trusted.QuotedState> quoted =
        QuoteVerifier.verify(
            sample.quote(),
            sample.pcrBlob(),
            ak,
            RecordedStatements.NONCE,
            RecordedStatements.SELECTION);
    return certified instanceof Check.Passed<TpmName>
        && quoted instanceof Check.Passed<Trusted.QuotedState> passed
        && policy.violations(passed.fact(), Baseline.NONE, true).isEmpty();
  }

  /** The signatures alone, prepared in the form that the provider is fastest with. */
  private AlternatingRounds.Kernel bare() {
    if (!signatures.provider().equals("accp")) {
      SignatureVerifier verifier = signatures.verifier(sample.ak().publicKey());
      Prepared quote = prepared(sample.quote());
      Prepared certify = prepared(sample.certify());
      return () ->
          verifier.verifies(
                  quote.algorithm(), Bytes.copyOf(quote.message()), Bytes.copyOf(quote.signature()))
              && verifier.verifies(
                  certify.algorithm(),
                  Bytes.copyOf(certify.message()),
                  Bytes.copyOf(certify.signature()));
    }
    return bareJca();
  }

  private record Prepared(SignatureAlgorithm algorithm, byte[] message, byte[] signature) {}

  private AlternatingRounds.Kernel bareJca() {
    try {
      boolean rsa = sample.ak().kind() == TpmtPublic.Kind.RSA;
      AmazonCorrettoCryptoProvider provider = AmazonCorrettoCryptoProvider.INSTANCE;
      Signature engine = Signature.getInstance(rsa ? "SHA256withRSA" : "SHA256withECDSA", provider);
      PublicKey key =
          (PublicKey)
              KeyFactory.getInstance(rsa ? "RSA" : "EC", provider)
                  .translateKey(sample.ak().publicKey());
      Prepared quote = prepared(sample.quote());
      Prepared certify = prepared(sample.certify());
      return () -> verifies(engine, key, quote) && verifies(engine, key, certify);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("the provider of the kernel", e);
    }
  }

  private static boolean verifies(Signature engine, PublicKey key, Prepared signed) {
    try {
      engine.initVerify(key);
      engine.update(signed.message());
      return engine.verify(signed.signature());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("the provider of the kernel", e);
    }
  }

  private static Prepared prepared(SignedStatement statement) {
    try {
      TpmtSignature signature = TpmtSignature.parse(statement.signature());
      byte[] message = statement.attest().toArray();
      if (signature instanceof TpmtSignature.Rsa rsa) {
        return new Prepared(SignatureAlgorithm.RSASSA_SHA256, message, rsa.signature().toArray());
      }
      TpmtSignature.Ecdsa ecdsa = (TpmtSignature.Ecdsa) signature;
      return new Prepared(SignatureAlgorithm.ECDSA_SHA256_DER, message, ecdsa.toDer().toArray());
    } catch (MalformedStructureException e) {
      throw new IllegalStateException("a recorded signature", e);
    }
  }
}
