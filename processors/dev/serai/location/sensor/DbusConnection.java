package dev.serai.location.sensor;

import dev.serai.deadline.Deadline;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A connection to a message bus for a few calls, all within one deadline. Pure Java: the bus is a
 * unix socket, and who we are it asks the kernel. For one thread.
 */
final class DbusConnection implements AutoCloseable {
  private static final String BUS = "org.freedesktop.DBus";
  private static final int MOST_OTHERS = 256;
  private static final int MAX_LINE = 512;

  private final SocketChannel channel;
  private final Selector selector;
  private final Deadline deadline;
  private int serial;

  private DbusConnection(SocketChannel channel, Selector selector, Deadline deadline) {
    this.channel = channel;
    this.selector = selector;
    this.deadline = deadline;
  }

  static DbusConnection open(Path socket, Deadline deadline) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    Selector selector = null;
    try {
      channel.connect(UnixDomainSocketAddress.of(socket));
      channel.configureBlocking(false);
      selector = Selector.open();
      DbusConnection connection = new DbusConnection(channel, selector, deadline);
      channel.register(selector, SelectionKey.OP_READ);
      connection.authenticate();
      connection.call(BUS, "/org/freedesktop/DBus", BUS, "Hello", List.of());
      return connection;
    } catch (IOException | RuntimeException e) {
      try (channel) {
        if (selector != null) {
          selector.close(); // its descriptors are not those of the channel
        }
      }
      throw e;
    }
  }

  /** SASL EXTERNAL: our uid in decimal, in hex. */
  private void authenticate() throws IOException {
    String uid = Files.getAttribute(Path.of("/proc/self"), "unix:uid").toString();
    String hex = Bytes.ofText(uid).toHex();
    write(Bytes.ofText("\0AUTH EXTERNAL " + hex + "\r\n"));
    StringBuilder line = new StringBuilder();
    while (!line.toString().endsWith("\r\n")) {
      line.append((char) read(1).at(0));
      if (line.length() > MAX_LINE) {
        throw new IOException("the bus sends no line");
      }
    }
    if (!line.toString().startsWith("OK ")) {
      throw new IOException("the bus does not take this user");
    }
    write(Bytes.ofText("BEGIN\r\n"));
  }

  /** A call with text arguments; the first value of its answer, or an empty list. */
  Object call(String to, String path, String on, String member, List<String> arguments)
      throws IOException {
    int own = ++serial;
    write(DbusMessage.call(own, to, path, on, member, arguments));
    for (int i = 0; i < MOST_OTHERS; i++) {
      DbusMessage message = next();
      boolean answers =
          message.fields().get(DbusMessage.REPLY_SERIAL) instanceof Long of && of == own;
      if (answers && message.type() == DbusMessage.RETURN) {
        return message.body().isEmpty() ? List.of() : message.body().get(0);
      }
      if (answers && message.type() == DbusMessage.ERROR) {
        throw new IOException(
            "%s.%s: %s".formatted(on, member, message.fields().get(DbusMessage.ERROR_NAME)));
      }
    }
    throw new IOException("the bus sends other things than answers");
  }

  private DbusMessage next() throws IOException {
    try {
      Bytes prologue = read(DbusMessage.PROLOGUE);
      int length = DbusMessage.length(prologue);
      return DbusMessage.parse(Bytes.concat(prologue, read(length - DbusMessage.PROLOGUE)));
    } catch (MalformedStructureException e) {
      throw new IOException("the bus: " + e.getMessage(), e);
    }
  }

  private Bytes read(int count) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(count);
    while (buffer.hasRemaining()) {
      int read = channel.read(buffer);
      if (read < 0) {
        throw new IOException("the bus closed the connection");
      }
      if (read == 0) {
        await();
      }
    }
    return Bytes.copyOf(buffer.array());
  }

  /** Calls are short: the socket takes them, or the bus is dead. */
  private void write(Bytes bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes.toArray());
    while (buffer.hasRemaining()) {
      if (channel.write(buffer) == 0) {
        throw new IOException("the bus does not read");
      }
    }
  }

  private void await() throws IOException {
    if (deadline.passed()) {
      throw new IOException("the bus did not answer in time");
    }
    selector.selectedKeys().clear();
    selector.select(Math.max(1, deadline.remaining().toMillis()));
  }

  @Override
  public void close() throws IOException {
    try (channel) {
      selector.close();
    }
  }
}
