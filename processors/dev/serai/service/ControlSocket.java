package dev.serai.service;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;
import jdk.net.ExtendedSocketOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The local door of a process: a unix socket, 0600, that answers its own user and root only, as the
 * kernel names the caller. One line in, one line out. Its lock keeps a second process out of the
 * same directory.
 */
public final class ControlSocket implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ControlSocket.class);
  private static final int MAX_LINE = 100;
  private static final int MAX_CALLERS = 4;
  private static final Duration LONGEST_LINE = Duration.ofSeconds(5);

  private final Path path;
  private final UnaryOperator<String> answers;
  private final Duration patience;
  private final FileChannel lock;
  private final ServerSocketChannel server;
  private final String owner;
  private final Semaphore places = new Semaphore(MAX_CALLERS);

  private ControlSocket(
      Path path,
      UnaryOperator<String> answers,
      Duration patience,
      FileChannel lock,
      ServerSocketChannel server)
      throws IOException {
    this.path = path;
    this.patience = patience;
    this.answers = answers;
    this.lock = lock;
    this.server = server;
    this.owner = Files.getOwner(path).getName();
  }

  /**
   * Listens. The directory is there and private.
   *
   * @param answers the line for a line; called by several threads
   * @throws RefusalException ADDRESS_IN_USE when another process listens there
   */
  public static ControlSocket open(Path path, UnaryOperator<String> answers) {
    return open(path, answers, LONGEST_LINE);
  }

  /** With this time for a caller to say his line. */
  static ControlSocket open(Path path, UnaryOperator<String> answers, Duration patience) {
    FileChannel lock = null;
    try {
      lock = lock(path);
      Files.deleteIfExists(path); // of a process that is gone: we hold the lock
      ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      server.bind(UnixDomainSocketAddress.of(path));
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
      ControlSocket socket = new ControlSocket(path, answers, patience, lock, server);
      start("serai-control", socket::accept);
      return socket;
    } catch (IOException e) {
      closeQuietly(lock);
      throw new RefusalException(
          ReasonCode.ADDRESS_IN_USE, "cannot listen on " + path + ": " + e.getMessage(), e);
    }
  }

  private static FileChannel lock(Path path) throws IOException {
    FileChannel file =
        FileChannel.open(
            path.resolveSibling(path.getFileName() + ".lock"),
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    FileLock lock;
    try {
      lock = file.tryLock();
    } catch (OverlappingFileLockException e) {
      lock = null;
    }
    if (lock == null) {
      file.close();
      throw new IOException("another process has this directory");
    }
    return file;
  }

  private static void start(String name, Runnable work) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    thread.start();
  }

  private void accept() {
    while (server.isOpen()) {
      try {
        SocketChannel caller = server.accept();
        if (!isAllowed(caller) || !places.tryAcquire()) {
          caller.close();
          continue;
        }
        start("serai-control-call", () -> serve(caller));
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException | RuntimeException e) {
        LOG.warn("a caller of {} was not served: {}", path, e.toString());
        pause();
      }
    }
  }

  /** Out of descriptors, accept fails at once, again and again. */
  private static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The mode keeps others out; this does not rest on it alone. */
  private boolean isAllowed(SocketChannel caller) throws IOException {
    String user = caller.getOption(ExtendedSocketOptions.SO_PEERCRED).user().getName();
    boolean allowed = user.equals(owner) || user.equals("root") || user.equals("0");
    if (!allowed) {
      LOG.warn("{} may not use {} code={}", user, path, ReasonCode.CALLER_NOT_ALLOWED);
    }
    return allowed;
  }

  private void serve(SocketChannel caller) {
    AtomicBoolean heard = new AtomicBoolean();
    CompletableFuture.delayedExecutor(patience.toMillis(), TimeUnit.MILLISECONDS)
        .execute(
            () -> {
              if (!heard.get()) {
                closeQuietly(caller); // ends the read, and frees his place
              }
            });
    try (caller) {
      String line = readLine(caller);
      heard.set(true);
      if (!line.isEmpty()) {
        ByteBuffer answer = StandardCharsets.UTF_8.encode(answers.apply(line) + "\n");
        while (answer.hasRemaining()) {
          caller.write(answer);
        }
      }
    } catch (IOException e) {
      LOG.debug("a caller of {} went away", path, e);
    } catch (RuntimeException e) {
      LOG.error("a call of {} failed", path, e);
    } finally {
      places.release();
    }
  }

  /** Empty when the caller went away or says too much. */
  private static String readLine(SocketChannel caller) throws IOException {
    ByteBuffer line = ByteBuffer.allocate(MAX_LINE);
    while (line.hasRemaining() && caller.read(line) >= 0) {
      String text = new String(line.array(), 0, line.position(), StandardCharsets.UTF_8);
      if (text.endsWith("\n")) {
        return text.strip();
      }
    }
    return "";
  }

  /**
   * Asks the process that listens there.
   *
   * @throws RefusalException PEER_UNAVAILABLE when none does
   */
  public static String ask(Path path, String line) {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(path));
      ByteBuffer bytes = StandardCharsets.UTF_8.encode(line + "\n");
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      BufferedReader in =
          new BufferedReader(
              new InputStreamReader(Channels.newInputStream(channel), StandardCharsets.UTF_8));
      String answer = in.readLine();
      if (answer == null) {
        throw new RefusalException(
            ReasonCode.CALLER_NOT_ALLOWED, "the process at " + path + " did not answer");
      }
      return answer;
    } catch (IOException | IllegalArgumentException e) {
      throw new RefusalException(
          ReasonCode.PEER_UNAVAILABLE,
          "nothing listens at " + path + ": " + e.getMessage() + "; is serai running?",
          e);
    }
  }

  private static void closeQuietly(AutoCloseable closeable) {
    if (closeable != null) {
      try {
        closeable.close();
      } catch (Exception e) {
        LOG.debug("closed badly", e);
      }
    }
  }

  @Override
  public void close() {
    closeQuietly(server);
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      LOG.debug("{} stays behind", path, e);
    }
    closeQuietly(lock);
  }
}
