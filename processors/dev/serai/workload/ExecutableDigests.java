package dev.serai.workload;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * SHA-256 of executables, computed once for each version of a file. The time of change of the inode
 * is part of the version: its owner cannot set it back after writing.
 */
final class ExecutableDigests {
  private static final int MAX_REMEMBERED = 1024;
  private static final int BUFFER_BYTES = 64 << 10;

  private final long maxBytes;
  private final Map<Map<String, Object>, String> known =
      new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Map<String, Object>, String> eldest) {
          return size() > MAX_REMEMBERED;
        }
      };

  /**
   * @param maxBytes larger files get no digest
   */
  ExecutableDigests(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /**
   * The digest in hex; empty when the file is too large or changed while it was read.
   *
   * @param executable may be a link of /proc, which leads to the running file even when another one
   *     has taken its path
   */
  Optional<String> of(Path executable) throws IOException {
    Map<String, Object> version = version(executable);
    synchronized (known) {
      String digest = known.get(version);
      if (digest != null) {
        return Optional.of(digest);
      }
    }
    if ((Long) version.get("size") > maxBytes) {
      return Optional.empty();
    }
    String digest = read(executable);
    if (!version(executable).equals(version)) {
      return Optional.empty();
    }
    synchronized (known) {
      known.put(version, digest);
    }
    return Optional.of(digest);
  }

  private static Map<String, Object> version(Path executable) throws IOException {
    return Files.readAttributes(executable, "unix:dev,ino,size,lastModifiedTime,ctime");
  }

  private String read(Path executable) throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("the JDK has no SHA-256", e);
    }
    byte[] buffer = new byte[BUFFER_BYTES];
    try (InputStream in = Files.newInputStream(executable)) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
