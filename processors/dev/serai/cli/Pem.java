package dev.serai.cli;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.List;

/** DER to PEM and certificates. */
final class Pem {
  private Pem() {}

  static String certificate(byte[] der) {
    return block("CERTIFICATE", der);
  }

  static String privateKey(byte[] pkcs8) {
    return block("PRIVATE KEY", pkcs8);
  }

  private static String block(String label, byte[] der) {
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n"
        .formatted(
            label,
            Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII)).encodeToString(der),
            label);
  }

  /** Certificates that follow each other without anything between them. */
  static List<X509Certificate> concatenated(byte[] der) throws CertificateException {
    return CertificateFactory.getInstance("X.509")
        .generateCertificates(new ByteArrayInputStream(der))
        .stream()
        .map(X509Certificate.class::cast)
        .toList();
  }
}
