package dev.serai.backup;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What of a state directory is state. Not in a backup: sockets, the lock, the console's password
 * and bundle.pem (made anew when they are missing), logs.
 */
final class StateFiles {
  static final String DATABASE = "serai.db";
  static final String HEAD = "audit-head";
  static final String KEYS = "issuer/keys";

  /** Directories whose plain files are all state; each is written atomically by its owner. */
  static final List<String> DIRECTORIES = List.of(KEYS, "agent", "roles", "devices", "sensor");

  /** What a restore replaces as a whole, in this order. */
  static final List<String> ITEMS =
      List.of("issuer", "agent", "roles", "devices", "sensor", HEAD, DATABASE);

  private static final Pattern LAWFUL =
      Pattern.compile(
          "serai\\.db|audit-head|(issuer/keys|agent|roles|devices|sensor)"
              + "/[A-Za-z0-9_-][A-Za-z0-9._-]{0,150}");

  private StateFiles() {}

  /** Can a backup hold this? Nothing that leads out of the directory, and nothing else's. */
  static boolean isLawful(String path) {
    return LAWFUL.matcher(path).matches() && !path.contains("..");
  }

  /** Plain files of the directories, as they are now; those being written are not among them. */
  static List<String> present(Path stateDir) throws IOException {
    List<String> paths = new ArrayList<>();
    for (String directory : DIRECTORIES) {
      Path dir = stateDir.resolve(directory);
      if (!Files.isDirectory(dir)) {
        continue;
      }
      try (Stream<Path> files = Files.list(dir)) {
        files
            .filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
            .map(file -> directory + "/" + file.getFileName())
            .filter(StateFiles::isLawful)
            .sorted()
            .forEach(paths::add);
      }
    }
    return paths;
  }

  static boolean isEmpty(Path stateDir) {
    return ITEMS.stream().noneMatch(item -> Files.exists(stateDir.resolve(item)));
  }

  static void makePrivateDirectories(Path directory) throws IOException {
    Files.createDirectories(
        directory,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
  }

  /** In hex. */
  static String sha256(Path file) throws IOException {
    MessageDigest digest = newSha256();
    try (var in = Files.newInputStream(file)) {
      byte[] buffer = new byte[1 << 16];
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  static MessageDigest newSha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java has no SHA-256", e);
    }
  }

  /** Of a file or a directory. */
  static void sync(Path path) throws IOException {
    boolean directory = Files.isDirectory(path);
    try (FileChannel channel =
        FileChannel.open(path, directory ? StandardOpenOption.READ : StandardOpenOption.WRITE)) {
      channel.force(true);
    }
  }

  /** Every file and directory in it. */
  static void syncAll(Path root) throws IOException {
    try (Stream<Path> all = Files.walk(root)) {
      for (Path path : all.toList()) {
        sync(path);
      }
    }
  }

  static void delete(Path path) {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try {
      Files.walkFileTree(
          path,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              Files.deleteIfExists(file);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, IOException failure)
                throws IOException {
              if (failure != null) {
                throw failure;
              }
              Files.deleteIfExists(directory);
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + path, e);
    }
  }
}
