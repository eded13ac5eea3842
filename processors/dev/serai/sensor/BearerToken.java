package dev.serai.sensor;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Optional;

/**
 * What callers in clear on loopback have to show: the kernel does not say who is at the other end
 * of a TCP connection, but who may read a file. Nothing in {@code toString}.
 */
final class BearerToken {
  private static final String FILE = "bearer-token";
  private static final String SCHEME = "Bearer ";
  private static final int LEAST = 32;
  private static final int MOST = 512;

  private final Bytes value;

  private BearerToken(String value) {
    this.value = Bytes.ofText(value);
  }

  /** The one of the configured file, or the one of the state directory; made if missing. */
  static BearerToken of(Optional<Path> configured, PrivateFiles files) {
    if (configured.isEmpty()) {
      byte[] known =
          files
              .read(FILE)
              .orElseGet(
                  () -> {
                    byte[] made = made().getBytes(StandardCharsets.US_ASCII);
                    files.write(FILE, made);
                    return made;
                  });
      return checked(new String(known, StandardCharsets.UTF_8), files.path(FILE));
    }
    try {
      if (Files.getPosixFilePermissions(configured.get())
          .contains(PosixFilePermission.OTHERS_READ)) {
        throw invalid("serai.sensor.token-file can be read by every user: " + configured.get());
      }
      return checked(Files.readString(configured.get()), configured.get());
    } catch (IOException e) {
      throw invalid("serai.sensor.token-file cannot be read: " + e.getMessage());
    }
  }

  private static String made() {
    byte[] random = new byte[LEAST];
    new SecureRandom().nextBytes(random);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(random) + "\n";
  }

  private static BearerToken checked(String text, Path file) {
    String token = text.strip();
    if (!token.matches("[\\x21-\\x7e]{%d,%d}".formatted(LEAST, MOST))) {
      throw invalid(
          "%s is not one line of %d to %d visible characters".formatted(file, LEAST, MOST));
    }
    return new BearerToken(token);
  }

  private static RefusalException invalid(String what) {
    return new RefusalException(ReasonCode.CONFIGURATION_INVALID, what);
  }

  /** Whether the value of an Authorization header holds it. */
  boolean isIn(String authorization) {
    if (!authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
        || authorization.length() > MOST + SCHEME.length()) {
      return false;
    }
    return Bytes.ofText(authorization.substring(SCHEME.length()).strip()).equalsConstantTime(value);
  }

  @Override
  public String toString() {
    return "BearerToken";
  }
}
