package dev.serai.testing;

import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A character device that speaks the TPM protocol as /dev/tpm0 does: a terminal in raw mode with a
 * software TPM behind it, under any name. libtss2's device transport opens it, other processes hold
 * it, the kernel says who. Like a real device node it refuses a second opener with EBUSY when
 * {@link #exclusive(boolean)} is on; the kernel exempts root from that.
 */
public final class TtyTpm implements AutoCloseable {
  private static final int O_RDWR = 2;
  private static final int O_NOCTTY = 0x100;
  private static final int O_CLOEXEC = 0x80000;
  private static final int TCIFLUSH = 0;
  private static final int TIOCEXCL = 0x540c;
  private static final int TIOCNXCL = 0x540d;

  private interface Terminals extends Library {
    Terminals C = Native.load("c", Terminals.class);

    int posix_openpt(int flags);

    int grantpt(int master);

    int unlockpt(int master);

    int ptsname_r(int master, Memory name, long size);

    int open(String path, int flags);

    int close(int descriptor);

    int tcgetattr(int descriptor, Memory termios);

    void cfmakeraw(Memory termios);

    int tcsetattr(int descriptor, int when, Memory termios);

    int tcflush(int descriptor, int queue);

    int ioctl(int descriptor, long request, Object... more);

    long read(int descriptor, Memory buffer, long size);

    long write(int descriptor, Memory buffer, long size);
  }

  private final SwTpm behind;
  private final Path node;
  private final int master;
  private int slave;
  private volatile boolean closed;

  /** Makes the device and a link with the name of one to it. */
  public TtyTpm(SwTpm behind, Path node) {
    this.behind = behind;
    this.node = node;
    master = Terminals.C.posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    Memory name = new Memory(128);
    if (master < 0
        || Terminals.C.grantpt(master) != 0
        || Terminals.C.unlockpt(master) != 0
        || Terminals.C.ptsname_r(master, name, name.size()) != 0) {
      throw new IllegalStateException("no terminal: errno " + Native.getLastError());
    }
    String path = name.getString(0);
    // Held open for as long as there is the device: without a slave the master has nothing to read.
    slave = Terminals.C.open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    Memory termios = new Memory(256);
    Terminals.C.tcgetattr(slave, termios);
    Terminals.C.cfmakeraw(termios);
    Terminals.C.tcsetattr(slave, 0, termios);
    try {
      Files.createDirectories(node.getParent());
      Files.createSymbolicLink(node, Path.of(path));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread server = new Thread(this::serve, "tty-tpm");
    server.setDaemon(true);
    server.start();
  }

  /** The name it was given. */
  public Path node() {
    return node;
  }

  /** The terminal behind the name. */
  public Path terminal() {
    try {
      return node.toRealPath();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What was answered to a process that has ended is lost, as with a real device. */
  public void forgetAnswers() {
    Terminals.C.tcflush(slave, TCIFLUSH);
  }

  /** From now on nobody but root opens it again. */
  public void exclusive(boolean on) {
    Terminals.C.ioctl(slave, on ? TIOCEXCL : TIOCNXCL, 0);
  }

  /** Exclusive, and held by nobody of this process any more. It does not answer from now on. */
  public void leaveToItsHolder() {
    exclusive(true);
    closed = true;
    Terminals.C.close(slave);
    slave = -1;
  }

  private void serve() {
    Memory buffer = new Memory(4096);
    Bytes pending = Bytes.EMPTY;
    while (!closed) {
      long got = Terminals.C.read(master, buffer, buffer.size());
      if (got <= 0) {
        return;
      }
      pending = Bytes.concat(pending, Bytes.copyOf(buffer.getByteArray(0, (int) got)));
      if (pending.size() < 10) {
        continue;
      }
      int size = ByteBuffer.wrap(pending.toArray()).getInt(2);
      if (pending.size() < size) {
        continue;
      }
      Bytes command = pending.slice(0, size);
      pending = pending.slice(size, pending.size() - size);
      Bytes answer;
      try {
        answer = behind.exchange(command);
      } catch (UncheckedIOException e) {
        continue; // the TPM is gone: the device stays silent
      }
      buffer.write(0, answer.toArray(), 0, answer.size());
      if (!closed) {
        Terminals.C.write(master, buffer, answer.size());
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    if (slave >= 0) {
      Terminals.C.close(slave);
    }
    Terminals.C.close(master);
    try {
      Files.deleteIfExists(node);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
