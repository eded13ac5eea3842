package dev.serai.enrolment;

import dev.serai.keylime.KeylimeJson;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.ByteArrayInputStream;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;

/**
 * The certificates an agent sent for its endorsement key. Claims only: nothing is verified.
 *
 * @param chain the EK's own certificate first, then issuers in any order; may be empty
 */
record EkCertificates(List<X509Certificate> chain) {
  static final EkCertificates NONE = new EkCertificates(List.of());

  /** Most certificates an agent may send. */
  static final int MAX_COUNT = 8;

  /** Longest certificate in DER. */
  static final int MAX_SIZE = 8 * 1024;

  private static final String BEGIN = "-----BEGIN CERTIFICATE-----";
  private static final String END = "-----END CERTIFICATE-----";

  EkCertificates {
    chain = List.copyOf(chain);
  }

  /** From the field {@code ekcert}: PEM of one or more, or base64 of one in DER. */
  static EkCertificates parse(String text) throws MalformedStructureException {
    List<X509Certificate> chain = new ArrayList<>();
    if (!text.contains("-----BEGIN")) {
      chain.add(certificate(KeylimeJson.base64("ekcert", text.strip(), MAX_SIZE)));
      return new EkCertificates(chain);
    }
    int at = 0;
    for (int begin = text.indexOf(BEGIN); begin >= 0; begin = text.indexOf(BEGIN, at)) {
      int end = text.indexOf(END, begin + BEGIN.length());
      if (end < 0) {
        throw new MalformedStructureException("ekcert", "a PEM block without end");
      }
      if (chain.size() == MAX_COUNT) {
        throw new MalformedStructureException(
            "ekcert", "more than %d certificates".formatted(MAX_COUNT));
      }
      String base64 = text.substring(begin + BEGIN.length(), end).strip();
      chain.add(certificate(KeylimeJson.base64("ekcert", base64, MAX_SIZE)));
      at = end + END.length();
    }
    if (chain.isEmpty()) {
      throw new MalformedStructureException("ekcert", "PEM without a certificate");
    }
    return new EkCertificates(chain);
  }

  /** One certificate; padding after it, as TPMs keep it in NV, is cut off. */
  static X509Certificate certificate(Bytes der) throws MalformedStructureException {
    try {
      return (X509Certificate)
          CertificateFactory.getInstance("X.509")
              .generateCertificate(new ByteArrayInputStream(der.toArray()));
    } catch (CertificateException e) {
      throw new MalformedStructureException("ekcert", "not an X.509 certificate");
    }
  }
}
