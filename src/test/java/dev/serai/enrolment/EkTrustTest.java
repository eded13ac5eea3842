package dev.serai.enrolment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.appraisal.SoftwareTpm;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.spec.TpmScheme;
import dev.serai.tpm.wire.TpmName;
import dev.serai.tpm.wire.TpmaObject;
import dev.serai.tpm.wire.TpmaObject.Attribute;
import dev.serai.tpm.wire.TpmtPublic;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EkTrustTest {
  private static final Instant NOW = Instant.parse("2026-11-24T00:00:00Z");
  private static final KeyPair EK = SoftwareTpm.EK_P256;
  private static final KeyPair CA = SoftwareTpm.P256;
  private static final KeyPair OTHER = SoftwareTpm.OTHER_P256;
  private static final TpmtPublic EK_AREA =
      area(
          EK,
          Attribute.FIXED_TPM,
          Attribute.FIXED_PARENT,
          Attribute.SENSITIVE_DATA_ORIGIN,
          Attribute.RESTRICTED,
          Attribute.DECRYPT);
  private static final Predicate<TpmName> NOBODY = name -> false;

  private static TpmtPublic area(KeyPair keys, Attribute... attributes) {
    return SoftwareTpm.publicArea(keys, TpmaObject.of(attributes), TpmScheme.NULL);
  }

  /** What a certificate of a test says; the default is a good EK certificate. */
  private static final class Template {
    SubjectPublicKeyInfo key = SubjectPublicKeyInfo.getInstance(EK.getPublic().getEncoded());
    String subject = "CN=EK";
    boolean authority;
    Instant notBefore = NOW.minus(Duration.ofDays(10));
    Instant notAfter = NOW.plus(Duration.ofDays(10));
    Optional<KeyPurposeId> usage = Optional.of(KeyPurposeId.getInstance(EK_USAGE));
    String signature = "SHA256withECDSA";

    private static final org.bouncycastle.asn1.ASN1ObjectIdentifier EK_USAGE =
        new org.bouncycastle.asn1.ASN1ObjectIdentifier("2.23.133.8.1");

    static Template ca(String subject, PublicKey key) {
      Template template = new Template();
      template.subject = subject;
      template.key = SubjectPublicKeyInfo.getInstance(key.getEncoded());
      template.authority = true;
      template.usage = Optional.empty();
      return template;
    }

    X509Certificate signed(String issuer, KeyPair by) {
      try {
        X509v3CertificateBuilder builder =
            new X509v3CertificateBuilder(
                new X500Name(issuer),
                BigInteger.valueOf(System.nanoTime()),
                Date.from(notBefore),
                Date.from(notAfter),
                new X500Name(subject),
                key);
        builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(authority));
        if (authority) {
          builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign));
        } else {
          builder.addExtension(
              Extension.subjectAlternativeName,
              true,
              new GeneralNames(new GeneralName(new X500Name("2.23.133.2.1=id:00001014"))));
        }
        if (usage.isPresent()) {
          builder.addExtension(
              Extension.extendedKeyUsage, false, new ExtendedKeyUsage(usage.get()));
        }
        return new JcaX509CertificateConverter()
            .getCertificate(
                builder.build(new JcaContentSignerBuilder(signature).build(by.getPrivate())));
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static X509Certificate root() {
    return Template.ca("CN=root", CA.getPublic()).signed("CN=root", CA);
  }

  private static EkVerdict judge(Set<X509Certificate> store, X509Certificate... sent) {
    return judge(EK_AREA, store, NOBODY, sent);
  }

  private static EkVerdict judge(
      TpmtPublic ek, Set<X509Certificate> store, Predicate<TpmName> list, X509Certificate... sent) {
    return new EkTrust(store, list).judge(ek, new EkCertificates(List.of(sent)), NOW);
  }

  private static void assertTrusted(EkVerdict verdict, EkTrustBasis basis) {
    assertThat(verdict).isInstanceOf(EkVerdict.Trusted.class);
    assertThat(((EkVerdict.Trusted) verdict).basis()).isEqualTo(basis);
  }

  private static void assertRejected(EkVerdict verdict, ReasonCode code) {
    assertThat(verdict).isInstanceOf(EkVerdict.Rejected.class);
    assertThat(((EkVerdict.Rejected) verdict).reason().code()).isEqualTo(code);
  }

  @Test
  void a_certificate_of_an_authority_of_the_store_is_enough_critical_name_and_all() {
    assertTrusted(
        judge(Set.of(root()), new Template().signed("CN=root", CA)), EkTrustBasis.CERTIFICATE);
  }

  @Test
  void a_certificate_without_extended_key_usage_is_enough() {
    Template ek = new Template();
    ek.usage = Optional.empty();
    assertTrusted(judge(Set.of(root()), ek.signed("CN=root", CA)), EkTrustBasis.CERTIFICATE);
  }

  @Test
  void an_extended_key_usage_for_something_else_is_refused() {
    Template ek = new Template();
    ek.usage = Optional.of(KeyPurposeId.id_kp_serverAuth);
    assertRejected(judge(Set.of(root()), ek.signed("CN=root", CA)), ReasonCode.EK_NOT_TRUSTED);
  }

  @Test
  void the_chain_may_go_over_certificates_the_agent_sent() {
    X509Certificate between = Template.ca("CN=between", OTHER.getPublic()).signed("CN=root", CA);
    X509Certificate ek = new Template().signed("CN=between", OTHER);
    assertTrusted(judge(Set.of(root()), ek, between), EkTrustBasis.CERTIFICATE);
    assertRejected(judge(Set.of(root()), ek), ReasonCode.EK_NOT_TRUSTED);
    assertTrusted(judge(Set.of(between), ek), EkTrustBasis.CERTIFICATE);
  }

  @Test
  void a_chain_that_is_too_long_is_refused() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(256);
    KeyPair by = CA;
    String issuer = "CN=root";
    X509Certificate[] sent = new X509Certificate[EkTrust.MAX_INTERMEDIATES + 2];
    for (int i = 1; i < sent.length; i++) {
      KeyPair next = generator.generateKeyPair();
      sent[i] = Template.ca("CN=c" + i, next.getPublic()).signed(issuer, by);
      by = next;
      issuer = "CN=c" + i;
    }
    sent[0] = new Template().signed(issuer, by);
    assertRejected(judge(Set.of(root()), sent), ReasonCode.EK_NOT_TRUSTED);
    assertTrusted(judge(Set.of(sent[1]), sent), EkTrustBasis.CERTIFICATE);
  }

  @Test
  void a_certificate_that_signs_itself_is_refused() {
    assertRejected(
        judge(Set.of(root()), new Template().signed("CN=EK", EK)), ReasonCode.EK_NOT_TRUSTED);
  }

  @Test
  void a_name_without_the_key_is_refused() {
    assertRejected(
        judge(Set.of(root()), new Template().signed("CN=root", OTHER)), ReasonCode.EK_NOT_TRUSTED);
  }

  @Test
  void an_expired_certificate_is_refused_and_one_of_tomorrow_too() {
    Template expired = new Template();
    expired.notAfter = NOW.minusSeconds(1);
    assertRejected(judge(Set.of(root()), expired.signed("CN=root", CA)), ReasonCode.EK_NOT_TRUSTED);
    Template tomorrow = new Template();
    tomorrow.notBefore = NOW.plusSeconds(60);
    assertRejected(
        judge(Set.of(root()), tomorrow.signed("CN=root", CA)), ReasonCode.EK_NOT_TRUSTED);
  }

  @Test
  void an_authority_that_has_expired_vouches_for_nobody() {
    Template old = Template.ca("CN=root", CA.getPublic());
    old.notAfter = NOW.minusSeconds(1);
    assertRejected(
        judge(Set.of(old.signed("CN=root", CA)), new Template().signed("CN=root", CA)),
        ReasonCode.EK_NOT_TRUSTED);
  }

  @Test
  void the_certificate_of_another_key_is_refused_also_for_a_listed_name() {
    Template other = new Template();
    other.key = SubjectPublicKeyInfo.getInstance(OTHER.getPublic().getEncoded());
    assertRejected(
        judge(EK_AREA, Set.of(root()), name -> true, other.signed("CN=root", CA)),
        ReasonCode.EK_CERTIFICATE_MISMATCH);
  }

  @Test
  void an_authority_is_no_endorsement_key() {
    X509Certificate authority = Template.ca("CN=EK", EK.getPublic()).signed("CN=root", CA);
    assertRejected(judge(Set.of(root()), authority), ReasonCode.EK_NOT_TRUSTED);
  }

  @Test
  void a_certificate_that_is_no_authority_vouches_for_nobody() {
    Template notAnAuthority = Template.ca("CN=between", OTHER.getPublic());
    notAnAuthority.authority = false;
    X509Certificate between = notAnAuthority.signed("CN=root", CA);
    assertRejected(
        judge(Set.of(root()), new Template().signed("CN=between", OTHER), between),
        ReasonCode.EK_NOT_TRUSTED);
  }

  @Test
  void a_weak_key_on_the_way_is_refused() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(1024);
    KeyPair weak = generator.generateKeyPair();
    X509Certificate between = Template.ca("CN=between", weak.getPublic()).signed("CN=root", CA);
    Template ek = new Template();
    ek.signature = "SHA256withRSA";
    assertRejected(
        judge(Set.of(root()), ek.signed("CN=between", weak), between), ReasonCode.EK_NOT_TRUSTED);
  }

  @Test
  void a_key_marked_for_oaep_only_is_the_same_key() {
    TpmtPublic ek =
        area(
            SoftwareTpm.RSA,
            Attribute.FIXED_TPM,
            Attribute.FIXED_PARENT,
            Attribute.SENSITIVE_DATA_ORIGIN,
            Attribute.RESTRICTED,
            Attribute.DECRYPT);
    Template marked = new Template();
    try {
      marked.key =
          new SubjectPublicKeyInfo(
              new AlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP, DERNull.INSTANCE),
              SubjectPublicKeyInfo.getInstance(SoftwareTpm.RSA.getPublic().getEncoded())
                  .parsePublicKey());
    } catch (java.io.IOException e) {
      throw new IllegalStateException(e);
    }
    assertTrusted(
        judge(ek, Set.of(root()), NOBODY, marked.signed("CN=root", CA)), EkTrustBasis.CERTIFICATE);
  }

  @Test
  void a_key_that_could_leave_or_sign_is_no_endorsement_key() {
    for (TpmtPublic area :
        List.of(
            area(EK, Attribute.FIXED_PARENT, Attribute.RESTRICTED, Attribute.DECRYPT),
            area(
                EK,
                Attribute.FIXED_TPM,
                Attribute.FIXED_PARENT,
                Attribute.SENSITIVE_DATA_ORIGIN,
                Attribute.DECRYPT),
            area(
                EK,
                Attribute.FIXED_TPM,
                Attribute.FIXED_PARENT,
                Attribute.SENSITIVE_DATA_ORIGIN,
                Attribute.RESTRICTED,
                Attribute.DECRYPT,
                Attribute.SIGN))) {
      assertRejected(judge(area, Set.of(root()), name -> true), ReasonCode.EK_NOT_SUPPORTED);
    }
  }

  @Test
  void a_listed_name_is_enough_and_no_other_way_is() {
    assertTrusted(
        judge(EK_AREA, Set.of(), name -> name.equals(EK_AREA.name())), EkTrustBasis.ALLOW_LIST);
    assertRejected(judge(EK_AREA, Set.of(root()), NOBODY), ReasonCode.EK_NOT_TRUSTED);
    assertRejected(
        judge(EK_AREA, Set.of(), NOBODY, new Template().signed("CN=root", CA)),
        ReasonCode.EK_NOT_TRUSTED);
  }

  @Test
  void the_shipped_authorities_are_those_listed_with_their_origin() {
    assertThat(EkTrustStore.shipped())
        .hasSizeGreaterThanOrEqualTo(7)
        .allSatisfy(authority -> assertThat(authority.getBasicConstraints()).isNotNegative());
  }

  @Test
  void a_store_with_something_else_in_it_is_a_start_up_error(@TempDir Path dir) throws Exception {
    Files.write(dir.resolve("ek.cer"), new Template().signed("CN=root", CA).getEncoded());
    assertThatThrownBy(() -> EkTrustStore.directory(dir))
        .isInstanceOf(RefusalException.class)
        .hasMessageContaining("CONFIGURATION_INVALID")
        .hasMessageContaining("not an authority");
    Files.writeString(dir.resolve("ek.cer"), "nonsense");
    assertThatThrownBy(() -> EkTrustStore.directory(dir)).isInstanceOf(RefusalException.class);
    Files.delete(dir.resolve("ek.cer"));
    Files.writeString(dir.resolve("README"), "not looked at");
    assertThat(EkTrustStore.directory(dir)).isEmpty();
    assertThatThrownBy(() -> EkTrustStore.directory(dir.resolve("absent")))
        .isInstanceOf(RefusalException.class);
  }

  @Test
  void an_allow_list_with_something_else_in_it_is_a_start_up_error(@TempDir Path dir)
      throws Exception {
    String name = EK_AREA.name().toHex();
    assertThat(EkAllowList.configured(List.of(name.toUpperCase(java.util.Locale.ROOT))))
        .accepts(EK_AREA.name());
    assertThatThrownBy(() -> EkAllowList.configured(List.of(name.substring(4))))
        .hasMessageContaining("CONFIGURATION_INVALID");
    assertThatThrownBy(() -> EkAllowList.configured(List.of(dir.resolve("absent").toString())))
        .hasMessageContaining("CONFIGURATION_INVALID");
    assertThat(EkAllowList.configured(List.of())).rejects(EK_AREA.name());
  }
}
