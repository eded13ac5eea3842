package dev.serai.gate;

import dev.serai.tpm.wire.MalformedStructureException;
import java.io.ByteArrayInputStream;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Base64;

/**
 * The one certificate in what a proxy hands on. A text with a second one is malformed: nobody looks
 * for claims among certificates whose keys were not proven.
 */
final class PresentedCertificate {
  /** An SVID with claims comes to 4 KiB, and three times that in URL encoding. */
  static final int MAX_TEXT = 64 * 1024;

  private static final int MAX_DER = 32 * 1024;

  private static final String BEGIN = "-----BEGIN CERTIFICATE-----";
  private static final String END = "-----END CERTIFICATE-----";

  private PresentedCertificate() {}

  /** From PEM, plain or in URL encoding. */
  static X509Certificate parse(String text) throws MalformedStructureException {
    if (text.length() > MAX_TEXT) {
      throw malformed("%d characters".formatted(text.length()));
    }
    byte[] der;
    try {
      der = Base64.getDecoder().decode(body(text.indexOf('%') < 0 ? text : decoded(text)));
    } catch (IllegalArgumentException e) {
      throw malformed("not base64");
    }
    if (der.length > MAX_DER) {
      throw malformed("%d bytes".formatted(der.length));
    }
    return certificate(der);
  }

  /** What stands between the two lines, without space; nothing else may stand around them. */
  private static byte[] body(String pem) throws MalformedStructureException {
    int begin = afterSpace(pem, 0);
    int end = pem.indexOf(END, begin + BEGIN.length());
    if (!pem.startsWith(BEGIN, begin)
        || end < 0
        || afterSpace(pem, end + END.length()) < pem.length()) {
      throw malformed("not one certificate in PEM");
    }
    byte[] letters = new byte[end - begin];
    int count = 0;
    for (int i = begin + BEGIN.length(); i < end; i++) {
      char c = pem.charAt(i);
      if (isSpace(c)) {
        continue;
      }
      if (c > '~' || c == '-') { // what else is no base64, its decoder says
        throw malformed("not one certificate in PEM");
      }
      letters[count++] = (byte) c;
    }
    return Arrays.copyOf(letters, count);
  }

  private static int afterSpace(String text, int from) {
    int at = from;
    while (at < text.length() && isSpace(text.charAt(at))) {
      at++;
    }
    return at;
  }

  private static boolean isSpace(char c) {
    return c == ' ' || c >= '\t' && c <= '\r';
  }

  private static X509Certificate certificate(byte[] der) throws MalformedStructureException {
    ByteArrayInputStream in = new ByteArrayInputStream(der);
    try {
      X509Certificate read =
          (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
      if (in.available() > 0) {
        throw malformed("bytes after the certificate");
      }
      return read;
    } catch (CertificateException | RuntimeException e) { // the JDK answers bad input with both
      throw malformed("no X.509 certificate");
    }
  }

  /** Percent signs only: a plus sign is a letter of base64, whatever forms do with it. */
  static String decoded(String text) throws MalformedStructureException {
    StringBuilder plain = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '%') {
        plain.append(c);
        continue;
      }
      int high = i + 2 < text.length() ? Character.digit(text.charAt(i + 1), 16) : -1;
      int low = i + 2 < text.length() ? Character.digit(text.charAt(i + 2), 16) : -1;
      if (high < 0 || low < 0 || high > 7) { // certificates in PEM are ASCII
        throw malformed("a percent sign that encodes nothing");
      }
      plain.append((char) (high << 4 | low));
      i += 2;
    }
    return plain.toString();
  }

  private static MalformedStructureException malformed(String what) {
    return new MalformedStructureException("client certificate", what);
  }
}
