package dev.serai.agent;

import dev.serai.net.SpiffeTrustManager;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.spiffe.X509SvidProfile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Who may ask this agent for quotes: the verifier role of the trust domain, known by its SVID, and,
 * if the operator named a CA, whoever shows a certificate of that CA (Keylime's own rule).
 */
final class AgentApiTrust extends X509ExtendedTrustManager {
  private static final X509Certificate[] NO_ISSUERS = {};

  private final SpiffeTrustManager verifier;
  private final Optional<Path> clientCa;

  AgentApiTrust(TrustBundles bundles, TrustDomain trustDomain, Optional<Path> clientCa) {
    SpiffeId id = trustDomain.withPath("/serai/verifier");
    this.verifier =
        new SpiffeTrustManager(
            domain -> domain.equals(trustDomain) ? bundles.authorities() : List.of(), id::equals);
    this.clientCa = clientCa;
  }

  private void check(X509Certificate[] chain, String authType) throws CertificateException {
    if (chain == null || chain.length == 0) {
      throw new CertificateException("no certificate");
    }
    if (X509SvidProfile.idOf(chain[0]).isPresent()) {
      verifier.checkClientTrusted(chain, authType);
    } else if (clientCa.isPresent()) {
      ofCa(clientCa.get()).checkClientTrusted(chain, authType);
    } else {
      throw new CertificateException(
          "not an SVID, and serai.agent.trusted-client-ca names no other authority");
    }
  }

  /** PKIX with the CAs of a PEM file; host names are checked where the connection asks for it. */
  static X509ExtendedTrustManager ofCa(Path file) throws CertificateException {
    try {
      KeyStore anchors = KeyStore.getInstance(KeyStore.getDefaultType());
      anchors.load(null, null);
      int count = 0;
      String text =
          AgentFiles.readFile(file)
              .orElseThrow(() -> new CertificateException("there is no " + file));
      for (X509Certificate certificate : Pem.certificates(text)) {
        anchors.setCertificateEntry("ca" + count++, certificate);
      }
      if (count == 0) {
        throw new CertificateException("no certificate in " + file);
      }
      TrustManagerFactory factory =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      factory.init(anchors);
      for (TrustManager manager : factory.getTrustManagers()) {
        if (manager instanceof X509ExtendedTrustManager extended) {
          return extended;
        }
      }
      throw new CertificateException("this Java has no PKIX");
    } catch (CertificateException e) {
      throw e;
    } catch (GeneralSecurityException | IOException | UncheckedIOException e) {
      throw new CertificateException("cannot use " + file, e);
    }
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    check(chain, authType);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    check(chain, authType);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    check(chain, authType);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    throw new CertificateException("for clients only");
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    throw new CertificateException("for clients only");
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    throw new CertificateException("for clients only");
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return NO_ISSUERS;
  }
}
