package dev.serai.rpc;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file side of a unix socket: makes its directory, takes a lock beside it so that two processes
 * never fight for one path, and removes what a dead process left.
 */
public final class UnixListener implements AutoCloseable {
  /** sockaddr_un.sun_path holds 108 bytes, the last one zero. */
  private static final int MAX_PATH_BYTES = 107;

  private static final int STICKY = 01000;
  private static final Logger LOG = LoggerFactory.getLogger(UnixListener.class);

  private final Path path;
  private final SocketAccess access;
  private FileChannel lockFile;

  public UnixListener(Path path, SocketAccess access) {
    this.path = path.toAbsolutePath().normalize();
    this.access = access;
  }

  public Path path() {
    return path;
  }

  /** Makes the path free to bind. */
  public void prepare() {
    if (path.toString().getBytes(StandardCharsets.UTF_8).length > MAX_PATH_BYTES) {
      throw unusable("the path is longer than " + MAX_PATH_BYTES + " bytes", null);
    }
    try {
      makeDirectory(path.getParent());
      lock();
      if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
        removeStale();
      }
    } catch (IOException e) {
      close();
      throw unusable(e.toString(), e);
    } catch (RefusalException e) {
      close();
      throw e;
    }
  }

  /** Sets the mode of the bound socket. */
  public void open() {
    try {
      Files.setPosixFilePermissions(path, access.socketPermissions());
    } catch (IOException e) {
      throw unusable(e.toString(), e);
    }
    if (access == SocketAccess.EVERYONE) {
      sayWhoIsKeptOut();
    }
  }

  private void sayWhoIsKeptOut() {
    for (Path above = path.getParent(); above != null; above = above.getParent()) {
      try {
        if (!Files.getPosixFilePermissions(above).contains(PosixFilePermission.OTHERS_EXECUTE)) {
          LOG.info("only users who may enter {} can reach {}", above, path);
          return;
        }
      } catch (IOException e) {
        LOG.debug("modes of {} cannot be read", above, e);
      }
    }
  }

  private void makeDirectory(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      Path parent = directory.getParent();
      if (parent != null && !Files.isDirectory(parent)) {
        makeDirectory(parent);
      }
      Files.createDirectory(
          directory, PosixFilePermissions.asFileAttribute(access.directoryPermissions()));
      // The attribute is subject to the umask.
      Files.setPosixFilePermissions(directory, access.directoryPermissions());
      return;
    }
    Set<PosixFilePermission> found = Files.getPosixFilePermissions(directory);
    boolean sticky = ((int) Files.getAttribute(directory, "unix:mode") & STICKY) != 0;
    if (found.contains(PosixFilePermission.OTHERS_WRITE) && !sticky) {
      throw unusable("every user may replace files in " + directory, null);
    }
  }

  private void lock() throws IOException {
    lockFile =
        FileChannel.open(
            path.resolveSibling(path.getFileName() + ".lock"),
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    FileLock lock;
    try {
      lock = lockFile.tryLock();
    } catch (OverlappingFileLockException e) {
      throw unusable("this process listens there already", e);
    }
    if (lock == null) {
      throw unusable("another process listens there", null);
    }
  }

  private void removeStale() throws IOException {
    int type = (int) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS) & 0170000;
    if (type != 0140000) {
      throw unusable("there is a file that is not a socket", null);
    }
    try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      probe.connect(UnixDomainSocketAddress.of(path));
    } catch (IOException nobodyListens) {
      Files.delete(path);
      return;
    }
    throw unusable("another process listens there", null);
  }

  private RefusalException unusable(String why, Exception cause) {
    return new RefusalException(
        ReasonCode.CONFIGURATION_INVALID, "cannot listen on " + path + ": " + why, cause);
  }

  @Override
  public void close() {
    if (lockFile != null) {
      try {
        lockFile.close();
      } catch (IOException ignored) {
        // Closing only gives the lock back, and so does the end of the process.
      }
    }
  }
}
