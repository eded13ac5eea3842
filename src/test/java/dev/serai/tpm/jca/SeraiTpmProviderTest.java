package dev.serai.tpm.jca;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.testing.SwTpm;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.tss.TpmOptions;
import dev.serai.tpm.tss.TssTpm;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.InvalidAlgorithmParameterException;
import java.security.InvalidKeyException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedKeyManager;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SeraiTpmProviderTest {
  private static final byte[] MESSAGE = "signed by a TPM".getBytes(StandardCharsets.UTF_8);

  private static SwTpm software;
  private static Tpm tpm;

  @BeforeAll
  static void start() {
    SeraiTpmProvider.install();
    software = SwTpm.blank();
    tpm = TssTpm.open(TpmOptions.defaults().withTcti(software.tcti()).withAllowSoftware(true));
  }

  @AfterAll
  static void end() {
    tpm.close();
    software.close();
  }

  @ParameterizedTest
  @EnumSource
  void a_tls_1_3_client_proves_itself_with_a_key_in_the_tpm(Tpm.AppKeyType type) throws Exception {
    TpmPrivateKey clientKey = TpmPrivateKey.of(tpm, tpm.createAppKey(type));
    KeyPair ca = ecKeyPair();
    X509Certificate caCertificate = certificate(ca, "CN=ca", ca);
    KeyPair server = ecKeyPair();
    SSLContext serverSide =
        context(
            new OneKey(server.getPrivate(), certificate(ca, "CN=server", server)), caCertificate);
    SSLContext clientSide =
        context(
            new OneKey(
                clientKey, certificate(ca, "CN=client", new KeyPair(clientKey.publicKey(), null))),
            caCertificate);
    try (SSLServerSocket listener =
        (SSLServerSocket)
            serverSide
                .getServerSocketFactory()
                .createServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      listener.setNeedClientAuth(true);
      CompletableFuture<String> seen =
          CompletableFuture.supplyAsync(
              () -> {
                try (SSLSocket accepted = (SSLSocket) listener.accept()) {
                  int first = accepted.getInputStream().read();
                  accepted.getOutputStream().write(first + 1);
                  return accepted.getSession().getProtocol()
                      + " "
                      + accepted.getSession().getPeerPrincipal();
                } catch (java.io.IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
              });
      try (SSLSocket client =
          (SSLSocket)
              clientSide
                  .getSocketFactory()
                  .createSocket(InetAddress.getLoopbackAddress(), listener.getLocalPort())) {
        client.setEnabledProtocols(new String[] {"TLSv1.3"});
        client.getOutputStream().write(41);
        assertThat(client.getInputStream().read()).isEqualTo(42);
      }
      assertThat(seen.get(60, TimeUnit.SECONDS)).isEqualTo("TLSv1.3 CN=client");
    }
  }

  @ParameterizedTest
  @EnumSource
  void a_certificate_request_is_signed_in_the_tpm(Tpm.AppKeyType type) throws Exception {
    TpmPrivateKey key = TpmPrivateKey.of(tpm, tpm.createAppKey(type));
    String algorithm = type == Tpm.AppKeyType.ECC_P256 ? "SHA256withECDSA" : "SHA256withRSA";
    ContentSigner signer = new JcaContentSignerBuilder(algorithm).build(key);
    PKCS10CertificationRequest request =
        new JcaPKCS10CertificationRequestBuilder(new X500Name("CN=node"), key.publicKey())
            .build(signer);
    assertThat(
            request.isSignatureValid(
                new JcaContentVerifierProviderBuilder().build(key.publicKey())))
        .isTrue();
  }

  @Test
  void signs_a_digest_and_pss_as_the_jdk_verifies_them() throws Exception {
    TpmPrivateKey ec = TpmPrivateKey.of(tpm, tpm.createAppKey(Tpm.AppKeyType.ECC_P256));
    Signature digestSigner = Signature.getInstance("NONEwithECDSA");
    digestSigner.initSign(ec);
    digestSigner.update(MessageDigest.getInstance("SHA-256").digest(MESSAGE));
    Signature ecVerifier = Signature.getInstance("SHA256withECDSA");
    ecVerifier.initVerify(ec.publicKey());
    ecVerifier.update(MESSAGE);
    assertThat(ecVerifier.verify(digestSigner.sign())).isTrue();
    digestSigner.update(new byte[31]);
    assertThatThrownBy(digestSigner::sign).isInstanceOf(SignatureException.class);

    TpmPrivateKey rsa = TpmPrivateKey.of(tpm, tpm.createAppKey(Tpm.AppKeyType.RSA_2048));
    PSSParameterSpec parameters =
        new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1);
    Signature pss = Signature.getInstance("RSASSA-PSS", SeraiTpmProvider.NAME);
    pss.setParameter(parameters);
    pss.initSign(rsa);
    pss.update(MESSAGE);
    Signature pssVerifier = Signature.getInstance("RSASSA-PSS");
    pssVerifier.setParameter(parameters);
    pssVerifier.initVerify(rsa.publicKey());
    pssVerifier.update(MESSAGE);
    assertThat(pssVerifier.verify(pss.sign())).isTrue();
    assertThatThrownBy(
            () ->
                pss.setParameter(
                    new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 20, 1)))
        .isInstanceOf(InvalidAlgorithmParameterException.class);
  }

  @Test
  void takes_no_key_but_its_own_and_does_not_verify() throws Exception {
    Signature signature = Signature.getInstance("SHA256withECDSA", SeraiTpmProvider.NAME);
    KeyPair pair = ecKeyPair();
    assertThatThrownBy(() -> signature.initSign(pair.getPrivate()))
        .isInstanceOf(InvalidKeyException.class);
    assertThatThrownBy(() -> signature.initVerify(pair.getPublic()))
        .isInstanceOf(InvalidKeyException.class);
    TpmPrivateKey rsa = TpmPrivateKey.of(tpm, tpm.createAppKey(Tpm.AppKeyType.RSA_2048));
    assertThatThrownBy(() -> signature.initSign(rsa)).isInstanceOf(InvalidKeyException.class);
    assertThat(rsa.getEncoded()).isNull();
    assertThat(rsa.getFormat()).isNull();
  }

  @Test
  void a_tpm_that_does_not_answer_is_a_failed_signature() throws Exception {
    try (SwTpm other = SwTpm.blank()) {
      Tpm closed =
          TssTpm.open(TpmOptions.defaults().withTcti(other.tcti()).withAllowSoftware(true));
      KeyRef.App app = closed.createAppKey(Tpm.AppKeyType.ECC_P256);
      TpmPrivateKey key = TpmPrivateKey.of(closed, app);
      closed.close();
      Signature signature = Signature.getInstance("SHA256withECDSA");
      signature.initSign(key);
      signature.update(MESSAGE);
      assertThatThrownBy(signature::sign)
          .isInstanceOf(SignatureException.class)
          .hasCauseInstanceOf(TpmException.class);
    }
  }

  private static KeyPair ecKeyPair() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    return generator.generateKeyPair();
  }

  private static X509Certificate certificate(KeyPair ca, String name, KeyPair subject)
      throws Exception {
    Instant now = Instant.now();
    return new JcaX509CertificateConverter()
        .getCertificate(
            new JcaX509v3CertificateBuilder(
                    new X500Name("CN=ca"),
                    BigInteger.valueOf(now.toEpochMilli()),
                    Date.from(now.minus(Duration.ofHours(1))),
                    Date.from(now.plus(Duration.ofHours(1))),
                    new X500Name(name),
                    subject.getPublic())
                .addExtension(
                    Extension.basicConstraints, true, new BasicConstraints(name.equals("CN=ca")))
                .build(new JcaContentSignerBuilder("SHA256withECDSA").build(ca.getPrivate())));
  }

  private static SSLContext context(KeyManager keys, X509Certificate trusted) throws Exception {
    KeyStore anchors = KeyStore.getInstance("PKCS12");
    anchors.load(null, null);
    anchors.setCertificateEntry("ca", trusted);
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(anchors);
    SSLContext context = SSLContext.getInstance("TLSv1.3");
    context.init(new KeyManager[] {keys}, trust.getTrustManagers(), null);
    return context;
  }

  /** Always the same key. */
  private static final class OneKey extends X509ExtendedKeyManager {
    private final PrivateKey key;
    private final X509Certificate certificate;

    OneKey(PrivateKey key, X509Certificate certificate) {
      this.key = key;
      this.certificate = certificate;
    }

    @Override
    public String[] getClientAliases(String type, Principal[] issuers) {
      return new String[] {"one"};
    }

    @Override
    public String[] getServerAliases(String type, Principal[] issuers) {
      return new String[] {"one"};
    }

    @Override
    public String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) {
      return java.util.List.of(types).contains(key.getAlgorithm()) ? "one" : null;
    }

    @Override
    public String chooseServerAlias(String type, Principal[] issuers, Socket socket) {
      return type.equals(key.getAlgorithm()) ? "one" : null;
    }

    @Override
    public String chooseEngineClientAlias(String[] types, Principal[] issuers, SSLEngine engine) {
      return chooseClientAlias(types, issuers, null);
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
      return new X509Certificate[] {certificate};
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
      return key;
    }
  }
}
