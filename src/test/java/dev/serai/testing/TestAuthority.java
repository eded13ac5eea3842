package dev.serai.testing;

import dev.serai.net.X509Material;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** A trust domain's authority made for one test; makes good and bad X509-SVIDs. */
public final class TestAuthority {
  private static final SecureRandom RANDOM = new SecureRandom();

  private Duration begins = Duration.ofSeconds(-60);
  private final String trustDomain;
  private final KeyPair key = keyPair();
  private final X509Certificate certificate;

  public TestAuthority(String trustDomain) {
    this(trustDomain, Duration.ofDays(1));
  }

  public TestAuthority(String trustDomain, Duration lifetime) {
    this.trustDomain = trustDomain;
    this.certificate =
        sign(
            key,
            new X500Name("CN=" + trustDomain + " " + BigInteger.valueOf(RANDOM.nextInt()).abs()),
            null,
            List.of("spiffe://" + trustDomain),
            true,
            KeyUsage.keyCertSign | KeyUsage.cRLSign,
            lifetime,
            Map.of());
  }

  public X509Certificate certificate() {
    return certificate;
  }

  public List<X509Certificate> bundle() {
    return List.of(certificate);
  }

  /** A good identity. @param path with its leading slash */
  public X509Material material(String path) {
    KeyPair leafKey = keyPair();
    return new X509Material(
        List.of(leaf(leafKey, List.of("spiffe://" + trustDomain + path), false)),
        leafKey.getPrivate(),
        bundle());
  }

  /** A good identity that trusts other authorities than its own. */
  public X509Material material(String path, List<X509Certificate> bundle) {
    X509Material own = material(path);
    return new X509Material(own.chain(), own.privateKey(), bundle);
  }

  /** A leaf with these URI names, or an authority with them. */
  public X509Certificate leaf(KeyPair leafKey, List<String> uris, boolean authority) {
    return leaf(leafKey, uris, authority, Duration.ofHours(1));
  }

  public X509Certificate leaf(
      KeyPair leafKey, List<String> uris, boolean authority, Duration lifetime) {
    return leaf(leafKey, uris, authority, lifetime, Map.of());
  }

  /**
   * @param extensions content of extnValue by OID, not critical
   */
  public X509Certificate leaf(
      KeyPair leafKey,
      List<String> uris,
      boolean authority,
      Duration lifetime,
      Map<String, byte[]> extensions) {
    return sign(
        leafKey,
        new X500Name("O=test"),
        key,
        uris,
        authority,
        authority ? KeyUsage.keyCertSign : KeyUsage.digitalSignature,
        lifetime,
        extensions);
  }

  /** An identity of the same authority on a machine whose clock is ahead by this. */
  public X509Material ahead(String path, Duration time) {
    KeyPair leafKey = keyPair();
    Duration before = begins;
    begins = time;
    try {
      X509Certificate leaf =
          leaf(
              leafKey,
              List.of("spiffe://" + trustDomain + path),
              false,
              time.plus(Duration.ofHours(1)));
      return new X509Material(List.of(leaf), leafKey.getPrivate(), bundle());
    } finally {
      begins = before;
    }
  }

  private X509Certificate sign(
      KeyPair subjectKey,
      X500Name subject,
      KeyPair issuerKey,
      List<String> uris,
      boolean authority,
      int usage,
      Duration lifetime,
      Map<String, byte[]> extensions) {
    Instant start = Instant.now().plus(begins);
    Instant end = Instant.now().plus(lifetime);
    if (!end.isAfter(start)) { // one that has ended also began
      start = end.minusSeconds(60);
    }
    try {
      JcaX509v3CertificateBuilder builder =
          new JcaX509v3CertificateBuilder(
              issuerKey == null
                  ? subject
                  : X500Name.getInstance(certificate.getSubjectX500Principal().getEncoded()),
              new BigInteger(120, RANDOM).setBit(119),
              Date.from(start),
              Date.from(end),
              subject,
              subjectKey.getPublic());
      List<GeneralName> names = new ArrayList<>();
      uris.forEach(u -> names.add(new GeneralName(GeneralName.uniformResourceIdentifier, u)));
      builder.addExtension(
          Extension.subjectAlternativeName,
          false,
          new GeneralNames(names.toArray(GeneralName[]::new)));
      builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(authority));
      builder.addExtension(Extension.keyUsage, true, new KeyUsage(usage));
      if (!authority) {
        builder.addExtension(
            Extension.extendedKeyUsage,
            false,
            new ExtendedKeyUsage(
                new KeyPurposeId[] {KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth}));
      }
      for (Map.Entry<String, byte[]> one : extensions.entrySet()) {
        builder.addExtension(
            new org.bouncycastle.asn1.ASN1ObjectIdentifier(one.getKey()), false, one.getValue());
      }
      return new JcaX509CertificateConverter()
          .getCertificate(
              builder.build(
                  new JcaContentSignerBuilder("SHA256withECDSA")
                      .build((issuerKey == null ? subjectKey : issuerKey).getPrivate())));
    } catch (CertIOException | OperatorCreationException | CertificateException e) {
      throw new IllegalStateException(e);
    }
  }

  public static KeyPair keyPair() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
