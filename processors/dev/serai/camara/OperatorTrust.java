package dev.serai.camara;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Collection;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Whose certificates the operator may show: those of a file, or of the authorities Java knows. */
final class OperatorTrust {
  private OperatorTrust() {}

  static SSLContext context(Optional<Path> authorities) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(authorities.isPresent() ? store(authorities.get()) : null);
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java cannot do TLS", e);
    }
  }

  private static KeyStore store(Path file) throws GeneralSecurityException {
    try (InputStream in = Files.newInputStream(file)) {
      Collection<? extends Certificate> all =
          CertificateFactory.getInstance("X.509").generateCertificates(in);
      if (all.isEmpty()) {
        throw invalid(file, "holds no certificate", null);
      }
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      int number = 0;
      for (Certificate one : all) {
        store.setCertificateEntry("authority-" + number++, one);
      }
      return store;
    } catch (IOException | java.security.cert.CertificateException e) {
      throw invalid(file, "cannot be read as certificates", e);
    }
  }

  private static RefusalException invalid(Path file, String what, Exception cause) {
    return new RefusalException(
        ReasonCode.CONFIGURATION_INVALID, "serai.camara.ca: %s %s".formatted(file, what), cause);
  }
}
