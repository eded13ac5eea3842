package dev.serai.issuing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The private keys of the authorities: one PKCS#8 file each, 0600, in a directory 0700. A key is on
 * the disk when {@link #write} returns.
 */
class KeyFiles {
  private static final String SUFFIX = ".p8";
  private static final Set<PosixFilePermission> OWNER_FILE =
      PosixFilePermissions.fromString("rw-------");
  private static final Set<PosixFilePermission> OWNER_DIRECTORY =
      PosixFilePermissions.fromString("rwx------");

  private final Path directory;

  KeyFiles(Path directory) {
    this.directory = directory;
    try {
      Files.createDirectories(directory, PosixFilePermissions.asFileAttribute(OWNER_DIRECTORY));
      Files.setPosixFilePermissions(directory, OWNER_DIRECTORY);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make " + directory, e);
    }
  }

  void write(String id, PrivateKey key) {
    byte[] encoded = key.getEncoded();
    try {
      writeAtomically(file(id), encoded, OWNER_FILE);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file(id), e);
    } finally {
      Arrays.fill(encoded, (byte) 0);
    }
  }

  /** Empty when the file is gone or is no key. */
  Optional<PrivateKey> read(String id) {
    byte[] encoded;
    try {
      encoded = Files.readAllBytes(file(id));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file(id), e);
    }
    try {
      return Optional.of(
          KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(encoded)));
    } catch (GeneralSecurityException e) {
      return Optional.empty();
    } finally {
      Arrays.fill(encoded, (byte) 0);
    }
  }

  /** Removes every key but those, and what an interrupted write left behind. */
  void keepOnly(Set<String> ids) {
    try (Stream<Path> files = Files.list(directory)) {
      List<Path> others =
          files.filter(f -> !ids.contains(f.getFileName().toString().replace(SUFFIX, ""))).toList();
      for (Path other : others) {
        Files.deleteIfExists(other);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot clean " + directory, e);
    }
  }

  private Path file(String id) {
    return directory.resolve(id + SUFFIX);
  }

  /** The file has the old content or the new one, whenever the machine stops. */
  static void writeAtomically(Path file, byte[] content, Set<PosixFilePermission> permissions)
      throws IOException {
    FileAttribute<?> mode = PosixFilePermissions.asFileAttribute(permissions);
    Path parent = file.toAbsolutePath().getParent();
    Path temporary = Files.createTempFile(parent, "." + file.getFileName(), ".new", mode);
    try {
      Files.setPosixFilePermissions(temporary, permissions);
      try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
        ByteBuffer all = ByteBuffer.wrap(content);
        while (all.hasRemaining()) {
          channel.write(all);
        }
        channel.force(true);
      }
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      try (FileChannel directory = FileChannel.open(parent, StandardOpenOption.READ)) {
        directory.force(true);
      }
    } finally {
      Files.deleteIfExists(temporary);
    }
  }
}
