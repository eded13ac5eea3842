package dev.serai.net;

import java.net.Socket;
import java.security.MessageDigest;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Optional;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;
import org.apache.camel.support.jsse.SSLContextParameters;

/**
 * TLS towards a server that is known by its very certificate: a Keylime agent, which sends it at
 * registration. No authority, name or chain plays a part; the validity dates do.
 */
public final class PinnedCertificateTls {
  private PinnedCertificateTls() {}

  /**
   * @param client the identity to show, when the server asks for one
   */
  public static SSLContextParameters client(
      X509Certificate server, Optional<MaterialSource> client) {
    Pin pin = new Pin(server);
    return SwappableTls.of(
        () ->
            TlsContexts.of(
                client.flatMap(MaterialSource::current).map(SpiffeKeyManager::new).orElse(null),
                pin));
  }

  private static final class Pin extends X509ExtendedTrustManager {
    private static final X509Certificate[] NO_ISSUERS = {};

    private final X509Certificate expected;

    Pin(X509Certificate expected) {
      this.expected = expected;
    }

    private void check(X509Certificate[] chain) throws CertificateException {
      if (chain == null
          || chain.length == 0
          || !MessageDigest.isEqual(chain[0].getEncoded(), expected.getEncoded())) {
        throw new CertificateException("not the pinned certificate");
      }
      expected.checkValidity();
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType)
        throws CertificateException {
      check(chain);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
        throws CertificateException {
      check(chain);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
        throws CertificateException {
      check(chain);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType)
        throws CertificateException {
      throw new CertificateException("for clients only");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
        throws CertificateException {
      throw new CertificateException("for clients only");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
        throws CertificateException {
      throw new CertificateException("for clients only");
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return NO_ISSUERS;
    }
  }
}
