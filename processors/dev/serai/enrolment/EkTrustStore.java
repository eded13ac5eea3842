package dev.serai.enrolment;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Reads authorities for EK certificates: those that ship with Serai, and those of an operator's
 * directory. Every certificate in them is an authority, also one that is not self-signed: an
 * operator who has only the issuing certificate of a vendor puts that there.
 */
final class EkTrustStore {
  private static final String SHIPPED = "/config/ek-trust/";
  private static final int MAX_FILES = 1_000;
  private static final int MAX_FILE_SIZE = 256 * 1024;

  private EkTrustStore() {}

  /** The vendors' authorities in the jar; each one listed, with its fingerprint, in ORIGIN. */
  static Set<X509Certificate> shipped() {
    Set<X509Certificate> authorities = new HashSet<>();
    for (String line : resource("ORIGIN").toText().lines().toList()) {
      if (!line.isBlank() && !line.startsWith("#")) {
        String[] columns = line.split("\t");
        Bytes pem = resource(columns[0]);
        X509Certificate authority = authorities(columns[0], pem).get(0);
        if (!fingerprint(authority).equals(columns[1])) {
          throw new IllegalStateException("the shipped " + columns[0] + " is not the listed one");
        }
        authorities.add(authority);
      }
    }
    return authorities;
  }

  /** Every .pem, .crt, .cer and .der file of a directory, not of its subdirectories. */
  static Set<X509Certificate> directory(Path directory) {
    Set<X509Certificate> authorities = new HashSet<>();
    try (Stream<Path> files = Files.list(directory)) {
      List<Path> found =
          files
              .filter(file -> file.getFileName().toString().matches(".*\\.(pem|crt|cer|der)"))
              .sorted()
              .limit(MAX_FILES + 1L)
              .toList();
      if (found.size() > MAX_FILES) {
        throw invalid("more than %d files in %s".formatted(MAX_FILES, directory), null);
      }
      for (Path file : found) {
        if (Files.size(file) > MAX_FILE_SIZE) {
          throw invalid(file + " is larger than an authority's certificate", null);
        }
        authorities.addAll(authorities(file.toString(), Bytes.copyOf(Files.readAllBytes(file))));
      }
    } catch (IOException e) {
      throw invalid("cannot read serai.registrar.ek-trust-dir: " + e.getMessage(), e);
    }
    return authorities;
  }

  static List<X509Certificate> authorities(String name, Bytes content) {
    List<X509Certificate> found;
    try {
      found =
          content.toText().contains("-----BEGIN")
              ? EkCertificates.parse(content.toText()).chain()
              : List.of(EkCertificates.certificate(content));
    } catch (MalformedStructureException e) {
      throw invalid(name + " holds no certificate: " + e.getMessage(), e);
    }
    for (X509Certificate certificate : found) {
      if (certificate.getBasicConstraints() < 0) {
        throw invalid(
            name + " is not an authority: " + certificate.getSubjectX500Principal().getName(),
            null);
      }
    }
    return found;
  }

  private static Bytes resource(String name) {
    try (InputStream in = EkTrustStore.class.getResourceAsStream(SHIPPED + name)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks " + SHIPPED + name);
      }
      return Bytes.copyOf(in.readAllBytes());
    } catch (IOException e) {
      throw new IllegalStateException("cannot read " + SHIPPED + name, e);
    }
  }

  private static String fingerprint(X509Certificate certificate) {
    try {
      return Bytes.copyOf(MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded()))
          .toHex();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("no fingerprint", e);
    }
  }

  private static RefusalException invalid(String detail, Exception cause) {
    return new RefusalException(ReasonCode.CONFIGURATION_INVALID, detail, cause);
  }

  /** Lines of a small text file, without comments; used by the allow list too. */
  static List<String> lines(Path file) {
    try {
      if (Files.size(file) > MAX_FILE_SIZE) {
        throw invalid(file + " is too large", null);
      }
      return Files.readString(file, StandardCharsets.UTF_8)
          .lines()
          .map(line -> line.replaceFirst("#.*", "").strip())
          .filter(line -> !line.isEmpty())
          .toList();
    } catch (IOException e) {
      throw invalid("cannot read " + file + ": " + e.getMessage(), e);
    }
  }
}
