package dev.serai.enrolment;

import static dev.serai.reason.ReasonCode.EK_CERTIFICATE_MISMATCH;
import static dev.serai.reason.ReasonCode.EK_NOT_SUPPORTED;
import static dev.serai.reason.ReasonCode.EK_NOT_TRUSTED;

import dev.serai.tpm.wire.MakeCredential;
import dev.serai.tpm.wire.TpmName;
import dev.serai.tpm.wire.TpmaObject.Attribute;
import dev.serai.tpm.wire.TpmtPublic;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.InvalidAlgorithmParameterException;
import java.security.PublicKey;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertStore;
import java.security.cert.CertificateException;
import java.security.cert.CertificateParsingException;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.PKIXCertPathBuilderResult;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;

/**
 * Judges endorsement keys: a certificate that leads to an authority of the store, or a place on the
 * allow list. TCG EK Credential Profile. Revocation lists are not fetched: an operator takes a key
 * back by a ban.
 */
final class EkTrust {
  /** Certificates between the EK's own and the authority. */
  static final int MAX_INTERMEDIATES = 4;

  /** tcg-kp-EKCertificate. */
  private static final String EK_CERTIFICATE_USAGE = "2.23.133.8.1";

  private static final int MIN_RSA_BITS = 2048;
  private static final int MIN_EC_BITS = 256;

  private final Set<X509Certificate> authorities;
  private final Predicate<TpmName> allowList;

  EkTrust(Set<X509Certificate> authorities, Predicate<TpmName> allowList) {
    this.authorities = Set.copyOf(authorities);
    this.allowList = allowList;
  }

  /** The authorities that a certificate may lead to. */
  Set<X509Certificate> authorities() {
    return authorities;
  }

  /** The same key always gives the same answer for the same store, list and time. */
  EkVerdict judge(TpmtPublic ek, EkCertificates sent, Instant now) {
    if (!isEndorsementKey(ek)) {
      return EkVerdict.rejected(
          EK_NOT_SUPPORTED, "not a restricted decryption key fixed to its TPM: " + ek.attributes());
    }
    if (!sent.chain().isEmpty() && !isFor(sent.chain().get(0), ek)) {
      return EkVerdict.rejected(
          EK_CERTIFICATE_MISMATCH, "the certificate's key is not the key in ek_tpm");
    }
    if (allowList.test(ek.name())) {
      return new EkVerdict.Trusted(EkTrustBasis.ALLOW_LIST);
    }
    if (sent.chain().isEmpty()) {
      return EkVerdict.rejected(
          EK_NOT_TRUSTED, "no certificate, and not on the allow list: " + ek.name().toHex());
    }
    return judgeChain(sent, now);
  }

  private static boolean isEndorsementKey(TpmtPublic ek) {
    return MakeCredential.supports(ek)
        && ek.attributes().has(Attribute.FIXED_TPM)
        && ek.attributes().has(Attribute.FIXED_PARENT)
        && ek.attributes().has(Attribute.SENSITIVE_DATA_ORIGIN)
        && !ek.attributes().has(Attribute.SIGN);
  }

  /** Compares keys; some vendors mark an RSA key as one for OAEP only. */
  private static boolean isFor(X509Certificate certificate, TpmtPublic ek) {
    try {
      SubjectPublicKeyInfo info =
          SubjectPublicKeyInfo.getInstance(certificate.getPublicKey().getEncoded());
      if (PKCSObjectIdentifiers.id_RSAES_OAEP.equals(info.getAlgorithm().getAlgorithm())) {
        info =
            new SubjectPublicKeyInfo(
                new AlgorithmIdentifier(PKCSObjectIdentifiers.rsaEncryption, DERNull.INSTANCE),
                info.parsePublicKey());
      }
      return Arrays.equals(info.getEncoded("DER"), ek.publicKey().getEncoded());
    } catch (IOException | IllegalArgumentException e) {
      return false;
    }
  }

  EkVerdict judgeChain(EkCertificates sent, Instant now) {
    X509Certificate leaf = sent.chain().get(0);
    if (leaf.getBasicConstraints() >= 0) {
      return EkVerdict.rejected(EK_NOT_TRUSTED, "the EK certificate is that of an authority");
    }
    if (!usageAllowed(leaf)) {
      return EkVerdict.rejected(EK_NOT_TRUSTED, "the certificate is not for an endorsement key");
    }
    Set<TrustAnchor> anchors = validAnchors(now);
    if (anchors.isEmpty()) {
      return EkVerdict.rejected(EK_NOT_TRUSTED, "the store holds no authority valid now");
    }
    PKIXCertPathBuilderResult path;
    try {
      path =
          (PKIXCertPathBuilderResult)
              CertPathBuilder.getInstance("PKIX").build(parameters(leaf, sent, anchors, now));
    } catch (CertPathBuilderException e) {
      return EkVerdict.rejected(
          EK_NOT_TRUSTED,
          "no valid chain of at most %d certificates to an authority of the store; issuer: %s"
              .formatted(MAX_INTERMEDIATES + 2, leaf.getIssuerX500Principal().getName()));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java cannot build a certification path", e);
    }
    return judgeKeys(path);
  }

  private static boolean usageAllowed(X509Certificate leaf) {
    try {
      List<String> usages = leaf.getExtendedKeyUsage();
      return usages == null || usages.contains(EK_CERTIFICATE_USAGE);
    } catch (CertificateParsingException e) {
      return false;
    }
  }

  /** The path algorithm does not look at the dates of an anchor. */
  private Set<TrustAnchor> validAnchors(Instant now) {
    return authorities.stream()
        .filter(authority -> isValidAt(authority, now))
        .map(authority -> new TrustAnchor(authority, null))
        .collect(Collectors.toSet());
  }

  private static boolean isValidAt(X509Certificate authority, Instant now) {
    try {
      authority.checkValidity(Date.from(now));
      return true;
    } catch (CertificateException e) {
      return false;
    }
  }

  private static PKIXBuilderParameters parameters(
      X509Certificate leaf, EkCertificates sent, Set<TrustAnchor> anchors, Instant now)
      throws GeneralSecurityException {
    X509CertSelector target = new X509CertSelector();
    target.setCertificate(leaf);
    try {
      PKIXBuilderParameters parameters = new PKIXBuilderParameters(anchors, target);
      parameters.setDate(Date.from(now));
      parameters.setRevocationEnabled(false);
      parameters.setMaxPathLength(MAX_INTERMEDIATES);
      parameters.addCertStore(
          CertStore.getInstance("Collection", new CollectionCertStoreParameters(sent.chain())));
      return parameters;
    } catch (InvalidAlgorithmParameterException e) {
      throw new IllegalStateException("anchors without an authority", e);
    }
  }

  private static EkVerdict judgeKeys(PKIXCertPathBuilderResult path) {
    List<X509Certificate> issuers = new ArrayList<>();
    path.getCertPath().getCertificates().stream()
        .skip(1) // the EK's own key was judged with ek_tpm
        .forEach(certificate -> issuers.add((X509Certificate) certificate));
    issuers.add(path.getTrustAnchor().getTrustedCert());
    for (X509Certificate issuer : issuers) {
      if (!isStrong(issuer.getPublicKey())) {
        return EkVerdict.rejected(
            EK_NOT_TRUSTED,
            "the key of an issuer is too weak: " + issuer.getSubjectX500Principal().getName());
      }
    }
    return new EkVerdict.Trusted(EkTrustBasis.CERTIFICATE);
  }

  private static boolean isStrong(PublicKey key) {
    if (key instanceof RSAPublicKey rsa) {
      return rsa.getModulus().bitLength() >= MIN_RSA_BITS;
    }
    return key instanceof ECPublicKey ec
        && ec.getParams().getCurve().getField().getFieldSize() >= MIN_EC_BITS;
  }
}
