package dev.serai.appraisal;

import dev.serai.reason.ReasonCode;
import dev.serai.signing.SignatureAlgorithm;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.security.PublicKey;
import java.util.Map;
import java.util.Optional;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.RSASSAPSSparams;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/** Verifies a PKCS#10 request: for the App Key, and signed by it. */
final class CsrVerifier {
  /** No CSR of ours is longer than 2 KiB. */
  private static final int MAX_SIZE = 16 * 1024;

  private static final Map<ASN1ObjectIdentifier, SignatureAlgorithm> ALGORITHMS =
      Map.of(
          X9ObjectIdentifiers.ecdsa_with_SHA256, SignatureAlgorithm.ECDSA_SHA256_DER,
          X9ObjectIdentifiers.ecdsa_with_SHA384, SignatureAlgorithm.ECDSA_SHA384_DER,
          X9ObjectIdentifiers.ecdsa_with_SHA512, SignatureAlgorithm.ECDSA_SHA512_DER,
          PKCSObjectIdentifiers.sha256WithRSAEncryption, SignatureAlgorithm.RSASSA_SHA256,
          PKCSObjectIdentifiers.sha384WithRSAEncryption, SignatureAlgorithm.RSASSA_SHA384,
          PKCSObjectIdentifiers.sha512WithRSAEncryption, SignatureAlgorithm.RSASSA_SHA512);

  private final Signatures signatures;

  CsrVerifier(Signatures signatures) {
    this.signatures = signatures;
  }

  /**
   * @param csr PKCS#10 in DER
   * @param key the App Key
   * @return the key in DER, as the CSR has it
   */
  Check<Bytes> verify(Bytes csr, PublicKey key) {
    if (csr.size() > MAX_SIZE) {
      return Check.failed(ReasonCode.CSR_MALFORMED, "%d bytes".formatted(csr.size()));
    }
    PKCS10CertificationRequest request;
    Bytes signed;
    try {
      byte[] received = csr.toArray();
      request = new PKCS10CertificationRequest(received);
      // Canonical, so that what is encoded again below are the received bytes.
      if (!Bytes.copyOf(request.toASN1Structure().getEncoded(ASN1Encoding.DER)).equals(csr)) {
        return Check.failed(ReasonCode.CSR_MALFORMED, "not in DER");
      }
      signed =
          Bytes.copyOf(
              request.toASN1Structure().getCertificationRequestInfo().getEncoded(ASN1Encoding.DER));
    } catch (IOException | RuntimeException e) { // BouncyCastle answers bad input with both
      return Check.failed(ReasonCode.CSR_MALFORMED, "not a PKCS#10 request");
    }
    Bytes subjectKey = Bytes.copyOf(key.getEncoded());
    if (!encoded(request).equals(Optional.of(subjectKey))) {
      return Check.failed(ReasonCode.CSR_OTHER_KEY, "its key is not the App Key");
    }
    Optional<SignatureAlgorithm> algorithm = algorithm(request.getSignatureAlgorithm());
    if (algorithm.isEmpty()) {
      return Check.failed(
          ReasonCode.CSR_SIGNATURE_INVALID,
          "algorithm " + request.getSignatureAlgorithm().getAlgorithm() + " is not accepted");
    }
    boolean valid =
        signatures
            .verifier(key)
            .verifies(algorithm.get(), signed, Bytes.copyOf(request.getSignature()));
    return valid
        ? Check.passed(subjectKey)
        : Check.failed(ReasonCode.CSR_SIGNATURE_INVALID, "not signed by the App Key");
  }

  private static Optional<Bytes> encoded(PKCS10CertificationRequest request) {
    try {
      return Optional.of(
          Bytes.copyOf(request.getSubjectPublicKeyInfo().getEncoded(ASN1Encoding.DER)));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static Optional<SignatureAlgorithm> algorithm(AlgorithmIdentifier identifier) {
    if (identifier.getAlgorithm().equals(PKCSObjectIdentifiers.id_RSASSA_PSS)) {
      return isPssWithSha256(identifier)
          ? Optional.of(SignatureAlgorithm.RSAPSS_SHA256)
          : Optional.empty();
    }
    return Optional.ofNullable(ALGORITHMS.get(identifier.getAlgorithm()));
  }

  private static boolean isPssWithSha256(AlgorithmIdentifier identifier) {
    try {
      RSASSAPSSparams params = RSASSAPSSparams.getInstance(identifier.getParameters());
      AlgorithmIdentifier mgf = params.getMaskGenAlgorithm();
      return params.getHashAlgorithm().getAlgorithm().equals(NISTObjectIdentifiers.id_sha256)
          && mgf.getAlgorithm().equals(PKCSObjectIdentifiers.id_mgf1)
          && AlgorithmIdentifier.getInstance(mgf.getParameters())
              .getAlgorithm()
              .equals(NISTObjectIdentifiers.id_sha256)
          && params.getSaltLength().intValueExact() == 32
          && params.getTrailerField().intValueExact() == 1;
    } catch (RuntimeException e) { // parameters that are no parameters
      return false;
    }
  }
}
