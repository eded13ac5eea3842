package dev.serai.issuing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.Set;

/** The trust bundle as PEM files, for agents that have nothing else to check the issuer with. */
final class BundleFile {
  private final Authority authority;
  private final Set<Path> files;
  private String written = "";

  BundleFile(Authority authority, Set<Path> files) {
    this.authority = authority;
    this.files = new HashSet<>(files);
  }

  /** Whole files, replaced at once, when the bundle has changed or a file is gone. */
  synchronized void write() {
    String pem = authority.bundle().toPem();
    if (pem.equals(written) && files.stream().allMatch(Files::exists)) {
      return;
    }
    for (Path file : files) {
      try {
        Files.createDirectories(file.toAbsolutePath().getParent());
        KeyFiles.writeAtomically(
            file,
            pem.getBytes(StandardCharsets.UTF_8),
            PosixFilePermissions.fromString("rw-r--r--"));
      } catch (IOException e) {
        throw new UncheckedIOException("cannot write " + file, e);
      }
    }
    written = pem;
  }
}
