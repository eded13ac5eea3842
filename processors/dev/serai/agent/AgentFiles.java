package dev.serai.agent;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.UUID;

/**
 * The agent's directory. A file is whole or not there: written beside its place, flushed to disk
 * and moved over it. Only the owner may read.
 */
final class AgentFiles {
  private static final int LARGEST = 1 << 20;

  private final Path directory;

  AgentFiles(Path directory) {
    this.directory = directory;
    try {
      if (!Files.isDirectory(directory)) {
        Files.createDirectories(
            directory,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      }
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot use " + directory, e);
    }
  }

  Path path(String name) {
    return directory.resolve(name);
  }

  /** The content, or empty when there is no such file. */
  Optional<String> read(String name) {
    return readFile(path(name));
  }

  /** The same for a file somebody else put. */
  static Optional<String> readFile(Path file) {
    try {
      if (Files.size(file) > LARGEST) {
        throw new UncheckedIOException(new IOException(file + " is larger than " + LARGEST));
      }
      return Optional.of(Files.readString(file, StandardCharsets.UTF_8));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  /** On disk when this returns. */
  void write(String name, String content) {
    replace(name, content);
    try (FileChannel parent = FileChannel.open(directory, StandardOpenOption.READ)) {
      parent.force(true);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + path(name), e);
    }
  }

  /** The same, but after a power failure the file of before may be there, whole as well. */
  void replace(String name, String content) {
    Path target = path(name);
    Path beside = path("." + name + "." + UUID.randomUUID());
    try {
      try (FileChannel channel =
          FileChannel.open(
              beside,
              java.util.Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
        ByteBuffer bytes = ByteBuffer.wrap(content.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.move(
          beside, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      try {
        Files.deleteIfExists(beside);
      } catch (IOException left) {
        e.addSuppressed(left);
      }
      throw new UncheckedIOException("cannot write " + target, e);
    }
  }

  void delete(String name) {
    try {
      Files.deleteIfExists(path(name));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + path(name), e);
    }
  }
}
