package dev.serai.backup;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.Reader;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Optional;
import org.bouncycastle.asn1.pkcs.PBKDF2Params;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedDataParser;
import org.bouncycastle.cms.CMSAuthEnvelopedDataStreamGenerator;
import org.bouncycastle.cms.CMSException;
import org.bouncycastle.cms.KeyTransRecipientInformation;
import org.bouncycastle.cms.PasswordRecipient;
import org.bouncycastle.cms.PasswordRecipientInformation;
import org.bouncycastle.cms.RecipientInformation;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKeyTransAuthEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.JcePasswordAuthEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JcePasswordRecipientInfoGenerator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.OutputAEADEncryptor;

/**
 * A backup for one who may read it: CMS AuthEnvelopedData (RFC 5083) with AES-256-GCM, for the
 * holder of an RSA key, or of a passphrase (PBKDF2 with HMAC-SHA-256). Openssl reads it too.
 */
final class Sealing {
  private static final BouncyCastleProvider PROVIDER = new BouncyCastleProvider();
  private static final int ITERATIONS = 600_000;

  /** Who made the file chose the number; its time is ours. */
  private static final int MOST_ITERATIONS = 2 * ITERATIONS;

  private static final int SALT = 16;
  private static final int SHORTEST_PASSPHRASE = 12;
  private static final int DER_SEQUENCE = 0x30;

  private Sealing() {}

  /** What can open a backup. */
  record Opener(Optional<Path> passphraseFile, Optional<Path> keyFile) {
    static final Opener NONE = new Opener(Optional.empty(), Optional.empty());
  }

  /** The stream to write the backup into; closing it ends the envelope. */
  static OutputStream seal(
      OutputStream out, Optional<Path> recipient, Optional<Path> passphraseFile)
      throws IOException {
    if (recipient.isEmpty() && passphraseFile.isEmpty()) {
      return out;
    }
    CMSAuthEnvelopedDataStreamGenerator generator = new CMSAuthEnvelopedDataStreamGenerator();
    try {
      if (recipient.isPresent()) {
        generator.addRecipientInfoGenerator(
            new JceKeyTransRecipientInfoGenerator(certificate(recipient.get()))
                .setProvider(PROVIDER));
      }
      if (passphraseFile.isPresent()) {
        byte[] salt = new byte[SALT];
        new SecureRandom().nextBytes(salt);
        generator.addRecipientInfoGenerator(
            new JcePasswordRecipientInfoGenerator(
                    CMSAlgorithm.AES256_CBC, passphrase(passphraseFile.get()))
                .setProvider(PROVIDER)
                .setPasswordConversionScheme(PasswordRecipient.PKCS5_SCHEME2_UTF8)
                .setPRF(PasswordRecipient.PRF.HMacSHA256)
                .setSaltAndIterationCount(salt, ITERATIONS));
      }
      OutputAEADEncryptor encryptor =
          (OutputAEADEncryptor)
              new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_GCM)
                  .setProvider(PROVIDER)
                  .build();
      return generator.open(out, encryptor);
    } catch (CMSException | GeneralSecurityException e) {
      throw new RefusalException(
          ReasonCode.MALFORMED_REQUEST, "the backup cannot be sealed: " + e.getMessage(), e);
    }
  }

  static X509Certificate certificate(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      X509Certificate certificate =
          (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
      if (!"RSA".equals(certificate.getPublicKey().getAlgorithm())) {
        throw new RefusalException(
            ReasonCode.MALFORMED_REQUEST, "the recipient's certificate is not for an RSA key");
      }
      return certificate;
    } catch (GeneralSecurityException e) {
      throw new RefusalException(
          ReasonCode.MALFORMED_REQUEST, file + " is no certificate: " + e.getMessage(), e);
    }
  }

  private static char[] passphrase(Path file) throws IOException {
    String text = Files.readString(file, StandardCharsets.UTF_8).strip();
    if (text.length() < SHORTEST_PASSPHRASE) {
      throw new RefusalException(
          ReasonCode.MALFORMED_REQUEST,
          "the passphrase in " + file + " is shorter than " + SHORTEST_PASSPHRASE);
    }
    return text.toCharArray();
  }

  /**
   * The content. Nothing of it may be used before the stream has ended without a failure: only then
   * is it known to be whole.
   *
   * @throws RefusalException BACKUP_INVALID
   */
  static InputStream open(Path file, Opener opener) throws IOException {
    // As it is: so the parser knows how long it is, and believes no length that is more.
    FileInputStream in = new FileInputStream(file.toFile());
    boolean opened = false;
    try {
      int first = in.read();
      in.getChannel().position(0);
      InputStream content =
          first == DER_SEQUENCE ? unseal(in, opener) : new BufferedInputStream(in, 1 << 16);
      opened = true;
      return content;
    } finally {
      if (!opened) {
        in.close();
      }
    }
  }

  private static InputStream unseal(InputStream in, Opener opener) throws IOException {
    try {
      CMSAuthEnvelopedDataParser parser = new CMSAuthEnvelopedDataParser(in);
      for (RecipientInformation recipient : parser.getRecipientInfos()) {
        if (recipient instanceof PasswordRecipientInformation by
            && opener.passphraseFile().isPresent()) {
          requireBearable(by);
          var with =
              new JcePasswordAuthEnvelopedRecipient(passphrase(opener.passphraseFile().get()));
          with.setProvider(PROVIDER);
          with.setPasswordConversionScheme(PasswordRecipient.PKCS5_SCHEME2_UTF8);
          return recipient.getContentStream(with).getContentStream();
        }
        if (recipient instanceof KeyTransRecipientInformation && opener.keyFile().isPresent()) {
          var with = new JceKeyTransAuthEnvelopedRecipient(key(opener.keyFile().get()));
          with.setProvider(PROVIDER);
          return recipient.getContentStream(with).getContentStream();
        }
      }
    } catch (CMSException e) {
      throw new RefusalException(
          ReasonCode.BACKUP_INVALID, "it cannot be opened with this: " + e.getMessage(), e);
    }
    throw new RefusalException(
        ReasonCode.BACKUP_INVALID, "it is sealed: --key or --passphrase-file is needed");
  }

  private static void requireBearable(PasswordRecipientInformation recipient) {
    PBKDF2Params how =
        PBKDF2Params.getInstance(recipient.getKeyDerivationAlgorithm().getParameters());
    if (how.getIterationCount().compareTo(BigInteger.valueOf(MOST_ITERATIONS)) > 0) {
      throw new RefusalException(
          ReasonCode.BACKUP_INVALID,
          "its passphrase would be derived with more than " + MOST_ITERATIONS + " iterations");
    }
  }

  private static PrivateKey key(Path file) throws IOException {
    try (Reader reader = Files.newBufferedReader(file);
        PEMParser parser = new PEMParser(reader)) {
      Object found = parser.readObject();
      JcaPEMKeyConverter converter = new JcaPEMKeyConverter();
      if (found instanceof PEMKeyPair pair) {
        return converter.getKeyPair(pair).getPrivate();
      }
      if (found instanceof PrivateKeyInfo info) {
        return converter.getPrivateKey(info);
      }
    }
    throw new RefusalException(
        ReasonCode.MALFORMED_REQUEST, file + " holds no private key without a password");
  }
}
