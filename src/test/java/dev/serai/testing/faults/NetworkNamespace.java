package dev.serai.testing.faults;

import com.sun.jna.Library;
import com.sun.jna.Native;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;

/**
 * A network namespace of its own. A process that reads from this JVM holds it, so it is gone with
 * the JVM, however that ends; nothing of the machine's own network is touched and nothing is left.
 * Needs root, {@code unshare} and {@code nsenter}.
 */
public final class NetworkNamespace implements AutoCloseable {
  private static final int CLONE_NEWNET = 0x40000000;
  private static final int O_RDONLY_CLOEXEC = 0x80000;

  private interface Kernel extends Library {
    Kernel INSTANCE = Native.load("c", Kernel.class);

    int open(String path, int flags);

    int setns(int fd, int kind);

    int close(int fd);
  }

  private final Process holder;

  private NetworkNamespace(Process holder) {
    this.holder = holder;
  }

  public static NetworkNamespace create() throws IOException {
    Process holder =
        new ProcessBuilder("unshare", "-n", "cat")
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    NetworkNamespace made = new NetworkNamespace(holder);
    try {
      String own = Files.readSymbolicLink(Path.of("/proc/self/ns/net")).toString();
      Awaitility.await()
          .atMost(60, TimeUnit.SECONDS)
          .pollInterval(5, TimeUnit.MILLISECONDS)
          .ignoreExceptions()
          .until(
              () ->
                  !holder.isAlive() || !Files.readSymbolicLink(made.file()).toString().equals(own));
      if (!holder.isAlive()) {
        throw new IOException("unshare -n ended with " + holder.exitValue());
      }
      made.run("ip", "link", "set", "lo", "up");
      return made;
    } catch (IOException | RuntimeException e) {
      made.close();
      throw e;
    }
  }

  /** Whether this user may make one here. */
  public static boolean possible() {
    try (NetworkNamespace one = create();
        NetworkNamespace other = create()) {
      one.run(
          "ip",
          "link",
          "add",
          "try0",
          "type",
          "veth",
          "peer",
          "name",
          "try1",
          "netns",
          other.name());
      one.run(
          "tc", "qdisc", "add", "dev", "try0", "root", "tbf", "rate", "8kbit", "burst", "1540",
          "latency", "1s");
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** What {@code ip ... netns NAME} wants: the process that holds it. */
  public String name() {
    return Long.toString(holder.pid());
  }

  private Path file() {
    return Path.of("/proc", name(), "ns", "net");
  }

  /** Put before a command, the command runs inside. */
  public List<String> prefix() {
    return List.of("nsenter", "--net=" + file());
  }

  /** Runs a short command inside. */
  public void run(String... command) throws IOException {
    List<String> whole = new ArrayList<>(prefix());
    whole.addAll(List.of(command));
    Process process = new ProcessBuilder(whole).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() != 0) {
        throw new IOException(String.join(" ", command) + ": " + said.strip());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  /** From now on this thread opens its sockets inside. For threads of one's own; they stay. */
  public void enter() throws IOException {
    int fd = Kernel.INSTANCE.open(file().toString(), O_RDONLY_CLOEXEC);
    if (fd < 0) {
      throw new IOException("cannot open " + file());
    }
    try {
      if (Kernel.INSTANCE.setns(fd, CLONE_NEWNET) != 0) {
        throw new IOException("setns failed: " + Native.getLastError());
      }
    } finally {
      Kernel.INSTANCE.close(fd);
    }
  }

  @Override
  public void close() {
    holder.destroyForcibly();
  }
}
