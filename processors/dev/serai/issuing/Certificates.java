package dev.serai.issuing;

import dev.serai.claims.ClaimsExtension;
import dev.serai.signing.MessageSigner;
import dev.serai.signing.SignatureAlgorithm;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Bytes;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Builds the two kinds of certificates there are, as DER. X509-SVID; RFC 5280. What does not differ
 * from leaf to leaf is encoded once.
 */
final class Certificates {
  /** Longest common name, RFC 5280, appendix A.1. */
  private static final int MAX_COMMON_NAME = 64;

  private static final int SERIAL_BYTES = 16;
  private static final SecureRandom RANDOM = new SecureRandom();

  private static final byte[] VERSION_3 = Der.tlv(0xa0, Der.integer(BigInteger.TWO));
  private static final byte[] ECDSA_WITH_SHA256 = Der.sequence(Der.oid("1.2.840.10045.4.3.2"));
  private static final byte[] ORGANIZATION = Der.attribute("2.5.4.10", Der.UTF8_STRING, "Serai");
  private static final byte[] LEAF_SUBJECT = Der.sequence(ORGANIZATION);

  /** digitalSignature, keyEncipherment, keyAgreement. */
  private static final byte[] LEAF_KEY_USAGE =
      Der.extension("2.5.29.15", true, Der.tlv(Der.BIT_STRING, new byte[] {3, (byte) 0xa8}));

  /** keyCertSign, cRLSign. */
  private static final byte[] AUTHORITY_KEY_USAGE =
      Der.extension("2.5.29.15", true, Der.tlv(Der.BIT_STRING, new byte[] {1, 0x06}));

  /** Server and client. */
  private static final byte[] LEAF_EXTENDED_USAGE =
      Der.extension(
          "2.5.29.37",
          false,
          Der.sequence(Der.oid("1.3.6.1.5.5.7.3.1"), Der.oid("1.3.6.1.5.5.7.3.2")));

  private static final byte[] LEAF_CONSTRAINTS = Der.extension("2.5.29.19", true, Der.sequence());
  private static final byte[] AUTHORITY_CONSTRAINTS =
      Der.extension("2.5.29.19", true, Der.sequence(new byte[] {0x01, 0x01, (byte) 0xff}));

  private static final byte[] NO_EXTENSION = {};

  private Certificates() {}

  /** Who signs: name and key identifier as they stand in its certificate. */
  record Issuer(Bytes name, Bytes keyId, MessageSigner signer) {}

  /** What a leaf says. */
  record Leaf(
      BigInteger serial,
      SpiffeId id,
      List<String> dnsNames,
      Bytes publicKeyInfo,
      Instant notBefore,
      Instant notAfter,
      Optional<Bytes> claims) {

    /** Without claims. */
    Leaf(
        BigInteger serial,
        SpiffeId id,
        List<String> dnsNames,
        Bytes publicKeyInfo,
        Instant notBefore,
        Instant notAfter) {
      this(serial, id, dnsNames, publicKeyInfo, notBefore, notAfter, Optional.empty());
    }
  }

  static Bytes leaf(Issuer issuer, Leaf leaf) {
    byte[] publicKeyInfo = leaf.publicKeyInfo().toArray();
    byte[] extensions =
        Der.tlv(
            0xa3,
            Der.sequence(
                LEAF_KEY_USAGE,
                LEAF_EXTENDED_USAGE,
                LEAF_CONSTRAINTS,
                subjectKeyId(keyId(publicKeyInfo)),
                authorityKeyId(issuer.keyId().toArray()),
                names(leaf.id(), leaf.dnsNames()),
                leaf.claims().map(Certificates::claims).orElse(NO_EXTENSION)));
    return signed(
        issuer.signer(),
        leaf.serial(),
        issuer.name().toArray(),
        leaf.notBefore(),
        leaf.notAfter(),
        subject(leaf.dnsNames()),
        publicKeyInfo,
        extensions);
  }

  /** A self-signed authority. Its name is unlike any other's, so that paths are found at once. */
  static Bytes authority(
      TrustDomain domain,
      BigInteger serial,
      Bytes publicKeyInfo,
      MessageSigner signer,
      Instant notBefore,
      Instant notAfter) {
    byte[] key = publicKeyInfo.toArray();
    byte[] keyId = keyId(key);
    byte[] name =
        Der.sequence(
            ORGANIZATION, Der.attribute("2.5.4.5", Der.PRINTABLE_STRING, serial.toString()));
    byte[] extensions =
        Der.tlv(
            0xa3,
            Der.sequence(
                AUTHORITY_KEY_USAGE,
                AUTHORITY_CONSTRAINTS,
                subjectKeyId(keyId),
                authorityKeyId(keyId),
                names(domain.id(), List.of())));
    return signed(signer, serial, name, notBefore, notAfter, name, key, extensions);
  }

  /** 128 random bits, not zero. */
  static BigInteger newSerial() {
    byte[] magnitude = new byte[SERIAL_BYTES];
    BigInteger serial;
    do {
      RANDOM.nextBytes(magnitude);
      serial = new BigInteger(1, magnitude);
    } while (serial.signum() == 0);
    return serial;
  }

  /** SHA-1 of the key's bits, RFC 5280, 4.2.1.2 (1). An identifier; nothing rests on its hash. */
  static byte[] keyId(byte[] publicKeyInfo) {
    try {
      DerReader info = new DerReader(publicKeyInfo).enter(Der.SEQUENCE);
      info.element(Der.SEQUENCE);
      return MessageDigest.getInstance("SHA-1").digest(info.bitString());
    } catch (MalformedDerException | NoSuchAlgorithmException e) {
      throw new IllegalArgumentException("not a SubjectPublicKeyInfo", e);
    }
  }

  static X509Certificate decode(Bytes der) {
    try {
      return (X509Certificate)
          CertificateFactory.getInstance("X.509")
              .generateCertificate(new ByteArrayInputStream(der.toArray()));
    } catch (CertificateException e) {
      throw new IllegalArgumentException("not a certificate", e);
    }
  }

  private static Bytes signed(
      MessageSigner signer,
      BigInteger serial,
      byte[] issuer,
      Instant notBefore,
      Instant notAfter,
      byte[] subject,
      byte[] publicKeyInfo,
      byte[] extensions) {
    byte[] toBeSigned =
        Der.sequence(
            VERSION_3,
            Der.integer(serial),
            ECDSA_WITH_SHA256,
            issuer,
            Der.sequence(Der.time(notBefore), Der.time(notAfter)),
            subject,
            publicKeyInfo,
            extensions);
    Bytes signature = signer.sign(SignatureAlgorithm.ECDSA_SHA256_DER, Bytes.copyOf(toBeSigned));
    return Bytes.copyOf(
        Der.sequence(toBeSigned, ECDSA_WITH_SHA256, Der.bitString(signature.toArray())));
  }

  private static byte[] claims(Bytes content) {
    return Der.extension(ClaimsExtension.OID, false, content.toArray());
  }

  private static byte[] subject(List<String> dnsNames) {
    if (dnsNames.isEmpty() || dnsNames.get(0).length() > MAX_COMMON_NAME) {
      return LEAF_SUBJECT;
    }
    return Der.sequence(ORGANIZATION, Der.attribute("2.5.4.3", Der.UTF8_STRING, dnsNames.get(0)));
  }

  private static byte[] subjectKeyId(byte[] keyId) {
    return Der.extension("2.5.29.14", false, Der.octetString(keyId));
  }

  private static byte[] authorityKeyId(byte[] keyId) {
    return Der.extension("2.5.29.35", false, Der.sequence(Der.tlv(0x80, keyId)));
  }

  /** Subject alternative names: the ID, then the DNS names. */
  private static byte[] names(SpiffeId id, List<String> dnsNames) {
    ByteArrayOutputStream names = new ByteArrayOutputStream(128);
    names.writeBytes(Der.tlv(0x86, Der.ascii(id.toString())));
    for (String dns : dnsNames) {
      names.writeBytes(Der.tlv(0x82, Der.ascii(dns)));
    }
    return Der.extension("2.5.29.17", false, Der.sequence(names.toByteArray()));
  }
}
