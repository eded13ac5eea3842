package dev.serai.testing;

import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands between libtss2 and a software TPM, and lets a test answer in the TPM's place: response
 * codes that a healthy TPM does not give, answers that are cut or damaged.
 */
public final class TpmProxy implements AutoCloseable {
  /** TPM2_Quote. */
  public static final int QUOTE = 0x158;

  /** TPM2_PCR_Extend. */
  public static final int PCR_EXTEND = 0x182;

  /** TPM2_CreatePrimary. */
  public static final int CREATE_PRIMARY = 0x131;

  private final SwTpm behind;
  private final Path directory;
  private final ServerSocketChannel commands;
  private final ServerSocketChannel control;
  private final AtomicInteger seen = new AtomicInteger();
  private volatile Fault fault = (code, answer) -> answer.get();
  private volatile int counted;

  /** What a test does to an answer. */
  @FunctionalInterface
  public interface Fault {
    /**
     * @param answer asks the TPM; left alone, the TPM never sees the command
     */
    Bytes apply(int commandCode, java.util.function.Supplier<Bytes> answer);
  }

  public TpmProxy(SwTpm behind) {
    this.behind = behind;
    try {
      directory = Files.createTempDirectory(Path.of("/tmp"), "tpmproxy");
      commands = listen(directory.resolve("s"), this::serveCommands);
      control = listen(directory.resolve("s.ctrl"), this::serveControl);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public String tcti() {
    return "swtpm:path=" + directory.resolve("s");
  }

  /** From now on every answer goes through this, and commands of this code are counted anew. */
  public void inject(int countedCode, Fault injected) {
    counted = countedCode;
    seen.set(0);
    fault = injected;
  }

  /** Every command reaches the TPM and every answer comes back. */
  public void heal() {
    fault = (code, answer) -> answer.get();
  }

  /** Answers the first commands of this kind with a response code. */
  public void refuse(int commandCode, int times, int responseCode) {
    AtomicInteger left = new AtomicInteger(times);
    inject(
        commandCode,
        (code, answer) ->
            code == commandCode && left.getAndDecrement() > 0
                ? Bytes.ofHex("80010000000a%08x".formatted(responseCode))
                : answer.get());
  }

  /** Commands of the counted kind that came since {@link #inject}. */
  public int seen() {
    return seen.get();
  }

  @Override
  public void close() {
    try {
      commands.close();
      control.close();
      Files.deleteIfExists(directory.resolve("s"));
      Files.deleteIfExists(directory.resolve("s.ctrl"));
      Files.deleteIfExists(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private interface Service {
    void serve(SocketChannel client) throws IOException;
  }

  private static ServerSocketChannel listen(Path path, Service service) throws IOException {
    ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    listener.bind(UnixDomainSocketAddress.of(path));
    Thread acceptor =
        new Thread(
            () -> {
              while (listener.isOpen()) {
                try {
                  SocketChannel client = listener.accept();
                  Thread server = new Thread(() -> serve(client, service), "tpm-proxy");
                  server.setDaemon(true);
                  server.start();
                } catch (IOException e) {
                  return; // closed
                }
              }
            },
            "tpm-proxy-accept");
    acceptor.setDaemon(true);
    acceptor.start();
    return listener;
  }

  private static void serve(SocketChannel client, Service service) {
    try (client) {
      service.serve(client);
    } catch (IOException | UncheckedIOException | IllegalStateException e) {
      return; // either side went away
    }
  }

  private void serveCommands(SocketChannel client) throws IOException {
    while (true) {
      ByteBuffer header = ByteBuffer.allocate(10);
      while (header.hasRemaining()) {
        if (client.read(header) < 0) {
          return;
        }
      }
      ByteBuffer command = ByteBuffer.allocate(header.getInt(2));
      command.put(header.flip());
      while (command.hasRemaining()) {
        if (client.read(command) < 0) {
          return;
        }
      }
      int code = command.getInt(6);
      if (code == counted) {
        seen.incrementAndGet();
      }
      Bytes whole = Bytes.copyOf(command.array());
      Bytes answer = fault.apply(code, () -> behind.exchange(whole));
      ByteBuffer out = ByteBuffer.wrap(answer.toArray());
      while (out.hasRemaining()) {
        client.write(out);
      }
      if (answer.size() < 10) {
        return; // not even a header: the connection breaks
      }
    }
  }

  private void serveControl(SocketChannel client) throws IOException {
    try (SocketChannel real = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      real.connect(UnixDomainSocketAddress.of(behind.socket() + ".ctrl"));
      ByteBuffer buffer = ByteBuffer.allocate(4096);
      while (client.read(buffer) >= 0) {
        real.write(buffer.flip());
        buffer.clear();
        if (real.read(buffer) < 0) {
          return;
        }
        client.write(buffer.flip());
        buffer.clear();
      }
    }
  }
}
