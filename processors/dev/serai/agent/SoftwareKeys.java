package dev.serai.agent;

import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.security.interfaces.RSAPrivateCrtKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.RSAPublicKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * The agent's keys that are not in the TPM: the pinned server key of its Keylime API and the
 * transport key (NK) of Keylime's payloads. Written to disk before they are used, 0600.
 */
final class SoftwareKeys {
  private static final String SERVER = "server.pem";
  private static final String TRANSPORT = "transport-key.pem";
  private static final Duration LIFE = Duration.ofDays(3650);

  private final AgentFiles files;

  SoftwareKeys(AgentFiles files) {
    this.files = files;
  }

  /** Key and self-signed certificate of the API on port 9002; the registrar pins it. */
  record Server(PrivateKey key, X509Certificate certificate) {
    String certificatePem() {
      return Pem.certificates(List.of(certificate));
    }
  }

  /** The transport key; pem is the public key, with the very bytes that PCR 16 is bound to. */
  record Transport(PrivateKey key, String pem) {}

  /** Kept from before, or made now. A kept one that ends within 30 days is made anew. */
  Server server(Instant now, String host) {
    Optional<Server> kept = keptServer(now);
    if (kept.isPresent()) {
      return kept.get();
    }
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      KeyPair pair = generator.generateKeyPair();
      X509Certificate certificate = selfSigned(pair, now, host);
      files.write(
          SERVER, Pem.privateKey(pair.getPrivate()) + Pem.certificates(List.of(certificate)));
      return new Server(pair.getPrivate(), certificate);
    } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
      throw new IllegalStateException("cannot make the server key", e);
    }
  }

  private Optional<Server> keptServer(Instant now) {
    try {
      Optional<String> text = files.read(SERVER);
      if (text.isEmpty()) {
        return Optional.empty();
      }
      PrivateKey key = Pem.privateKey("EC", text.get());
      String only = text.get().substring(text.get().indexOf("-----BEGIN CERTIFICATE"));
      X509Certificate certificate = Pem.certificates(only).get(0);
      boolean good =
          certificate.getNotAfter().toInstant().isAfter(now.plus(Duration.ofDays(30)))
              && isPair(key, certificate);
      return good ? Optional.of(new Server(key, certificate)) : Optional.empty();
    } catch (GeneralSecurityException | RuntimeException e) {
      return Optional.empty(); // a damaged file: a new key is registered instead
    }
  }

  private static boolean isPair(PrivateKey key, X509Certificate certificate)
      throws GeneralSecurityException {
    Signature signer = Signature.getInstance("SHA256withECDSA");
    signer.initSign(key);
    signer.update((byte) 1);
    byte[] signature = signer.sign();
    Signature checker = Signature.getInstance("SHA256withECDSA");
    checker.initVerify(certificate.getPublicKey());
    checker.update((byte) 1);
    return checker.verify(signature);
  }

  private static X509Certificate selfSigned(KeyPair pair, Instant now, String host)
      throws GeneralSecurityException, OperatorCreationException, CertIOException {
    X500Principal name = new X500Principal("CN=serai-agent");
    BigInteger serial = new BigInteger(127, new SecureRandom()).add(BigInteger.ONE);
    JcaX509v3CertificateBuilder builder =
        new JcaX509v3CertificateBuilder(
            name,
            serial,
            Date.from(now.minus(Duration.ofHours(1))),
            Date.from(now.plus(LIFE)),
            name,
            pair.getPublic());
    boolean address = host.matches("[0-9.]+") || host.indexOf(':') >= 0;
    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
    builder.addExtension(
        Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature | KeyUsage.keyCertSign));
    builder.addExtension(
        Extension.subjectAlternativeName,
        false,
        new GeneralNames(
            new GeneralName(address ? GeneralName.iPAddress : GeneralName.dNSName, host)));
    return new JcaX509CertificateConverter()
        .getCertificate(
            builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate())));
  }

  /** Kept from before, or made now. RSA-2048. */
  Transport transport() {
    try {
      Optional<String> text = files.read(TRANSPORT);
      if (text.isPresent()) {
        Optional<Transport> kept = keptTransport(text.get());
        if (kept.isPresent()) {
          return kept.get();
        }
      }
      KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
      generator.initialize(2048);
      KeyPair pair = generator.generateKeyPair();
      files.write(TRANSPORT, Pem.privateKey(pair.getPrivate()));
      return new Transport(pair.getPrivate(), Pem.publicKey(pair.getPublic()));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("cannot make the transport key", e);
    }
  }

  private static Optional<Transport> keptTransport(String text) {
    try {
      RSAPrivateCrtKey key = (RSAPrivateCrtKey) Pem.privateKey("RSA", text);
      RSAPublicKeySpec half = new RSAPublicKeySpec(key.getModulus(), key.getPublicExponent());
      return Optional.of(
          new Transport(key, Pem.publicKey(KeyFactory.getInstance("RSA").generatePublic(half))));
    } catch (GeneralSecurityException | RuntimeException e) {
      return Optional.empty();
    }
  }
}
