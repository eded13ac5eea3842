package dev.serai.management;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Optional;

/** The console's login: one user, a password made once and kept in a file of mode 0600. */
final class ConsolePassword {
  static final String USER = "serai";
  private static final int RANDOM_BYTES = 24;

  private final byte[] credentials;

  private ConsolePassword(String password) {
    this.credentials = (USER + ":" + password).getBytes(StandardCharsets.UTF_8);
  }

  /** Reads the file, or makes it. */
  static ConsolePassword at(Path file) {
    try {
      if (!Files.exists(file)) {
        make(file);
      }
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
      String password = Files.readString(file).trim();
      if (password.isEmpty()) {
        throw new IllegalStateException(file + " is empty; remove it to have a new one made");
      }
      return new ConsolePassword(password);
    } catch (IOException e) {
      throw new IllegalStateException("cannot read or make " + file, e);
    }
  }

  private static void make(Path file) throws IOException {
    byte[] random = new byte[RANDOM_BYTES];
    new SecureRandom().nextBytes(random);
    Path fresh =
        Files.createTempFile(
            file.toAbsolutePath().getParent(),
            "hawtio",
            ".new",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(fresh, Base64.getUrlEncoder().withoutPadding().encodeToString(random) + "\n");
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Whether an Authorization header carries the login; takes the same time for any wrong one. */
  boolean accepts(Optional<String> authorization) {
    String value = authorization.orElse("");
    if (!value.regionMatches(true, 0, "Basic ", 0, 6)) {
      return false;
    }
    try {
      byte[] shown = Base64.getDecoder().decode(value.substring(6).trim());
      return MessageDigest.isEqual(credentials, shown);
    } catch (IllegalArgumentException e) { // not base64, so not the password
      return false;
    }
  }

  @Override
  public String toString() {
    return "ConsolePassword";
  }
}
