package dev.serai.tpm.tss;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Asks a D-Bus who owns a name. It asks the bus itself and never the owner: a message to
 * tpm2-abrmd's name would start tpm2-abrmd, which then takes the TPM. D-Bus specification,
 * "Authentication Protocol", "Message Protocol", "Message Bus Messages".
 */
final class MessageBus implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(2);
  private static final int LONGEST = 64 * 1024;
  private static final int CALL = 1;
  private static final int RETURN = 2;
  private static final int FIELD_PATH = 1;
  private static final int FIELD_INTERFACE = 2;
  private static final int FIELD_MEMBER = 3;
  private static final int FIELD_REPLY_SERIAL = 5;
  private static final int FIELD_DESTINATION = 6;
  private static final int FIELD_SIGNATURE = 8;
  private static final String BUS = "org.freedesktop.DBus";

  private final SocketChannel channel;
  private final Selector selector;
  private final long deadline = System.nanoTime() + PATIENCE.toNanos();
  private int serial;

  private MessageBus(SocketChannel channel, Selector selector) {
    this.channel = channel;
    this.selector = selector;
  }

  /**
   * The process that owns a name on the system or session bus; empty when nobody does.
   *
   * @throws IOException when the bus cannot be asked; the message names its address
   */
  static Optional<Long> ownerOf(String busType, String name) throws IOException {
    String address = address(busType);
    try (MessageBus bus = connect(address)) {
      bus.authenticate();
      bus.call("Hello", "");
      if (bus.call("NameHasOwner", name).orElse(0L) == 0) {
        return Optional.empty();
      }
      return bus.call("GetConnectionUnixProcessID", name);
    } catch (IOException e) {
      throw new IOException(
          "the %s D-Bus at %s cannot be asked: %s".formatted(busType, address, e.getMessage()), e);
    }
  }

  /** Where libtss2 looks for it too. */
  private static String address(String busType) throws IOException {
    if (busType.equals("session")) {
      return Libc.environment("DBUS_SESSION_BUS_ADDRESS")
          .or(() -> Libc.environment("XDG_RUNTIME_DIR").map(dir -> "unix:path=" + dir + "/bus"))
          .orElseThrow(() -> new IOException("there is no session D-Bus here"));
    }
    return Libc.environment("DBUS_SYSTEM_BUS_ADDRESS")
        .orElse("unix:path=/var/run/dbus/system_bus_socket");
  }

  /** The first entry with a socket in the file system. */
  private static Path socket(String address) throws IOException {
    for (String entry : address.split(";")) {
      if (entry.startsWith("unix:")) {
        for (String pair : entry.substring("unix:".length()).split(",")) {
          if (pair.startsWith("path=") && !pair.contains("%")) {
            return Path.of(pair.substring("path=".length()));
          }
        }
      }
    }
    throw new IOException("no unix:path= in this address");
  }

  private static MessageBus connect(String address) throws IOException {
    Path path = socket(address);
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.connect(UnixDomainSocketAddress.of(path));
      channel.configureBlocking(false);
      Selector selector = Selector.open();
      try {
        channel.register(selector, SelectionKey.OP_READ);
        return new MessageBus(channel, selector);
      } catch (IOException | RuntimeException e) {
        selector.close();
        throw e;
      }
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private void authenticate() throws IOException {
    Object uid = Files.getAttribute(Path.of("/proc/self"), "unix:uid", LinkOption.NOFOLLOW_LINKS);
    StringBuilder hex = new StringBuilder();
    for (byte digit : uid.toString().getBytes(StandardCharsets.US_ASCII)) {
      hex.append("%02x".formatted(digit));
    }
    send(("\0AUTH EXTERNAL " + hex + "\r\n").getBytes(StandardCharsets.US_ASCII));
    StringBuilder answer = new StringBuilder();
    while (answer.indexOf("\r\n") < 0) {
      if (answer.length() > 512) {
        throw new IOException("not a D-Bus");
      }
      answer.append((char) read(1).get());
    }
    if (answer.indexOf("OK ") != 0) {
      throw new IOException("it does not let this user in");
    }
    send("BEGIN\r\n".getBytes(StandardCharsets.US_ASCII));
  }

  /** Calls the bus; answers a number if it answers with one, empty when it refuses. */
  private Optional<Long> call(String member, String argument) throws IOException {
    serial++;
    send(message(member, argument));
    while (true) {
      ByteBuffer head = read(16);
      int type = head.get(1);
      int bodyLength = head.getInt(4);
      int fieldsLength = head.getInt(12);
      if (head.get(0) != 'l' || bodyLength < 0 || fieldsLength < 0) {
        throw new IOException("not a D-Bus answer");
      }
      long length = (fieldsLength + 7L) / 8 * 8 + bodyLength;
      if (length > LONGEST) {
        throw new IOException("a D-Bus answer of %d bytes".formatted(length));
      }
      ByteBuffer rest = read((int) length);
      if (replySerial(rest, fieldsLength) != serial) {
        continue; // a signal, for instance NameAcquired
      }
      if (type != RETURN) {
        return Optional.empty();
      }
      int body = (fieldsLength + 7) / 8 * 8;
      return Optional.of(bodyLength < 4 ? 0 : Integer.toUnsignedLong(rest.getInt(body)));
    }
  }

  private static int replySerial(ByteBuffer rest, int fieldsLength) throws IOException {
    // Fields are (code, variant) structures, each on a multiple of 8; the header before has 16.
    int at = 0;
    while (at + 8 <= fieldsLength) {
      int code = rest.get(at);
      if (rest.get(at + 1) != 1) {
        throw new IOException("a header field of an unknown kind");
      }
      char kind = (char) rest.get(at + 2);
      if (code == FIELD_REPLY_SERIAL && kind == 'u') {
        return rest.getInt(at + 4);
      }
      switch (kind) {
        case 'u' -> at += 8;
        case 's', 'o' -> at = after(rest, at + 8, rest.getInt(at + 4));
        case 'g' -> at = after(rest, at + 5, rest.get(at + 4));
        default -> throw new IOException("a header field of an unknown kind");
      }
      at = (at + 7) / 8 * 8;
    }
    return 0;
  }

  private static int after(ByteBuffer rest, int from, int length) throws IOException {
    if (length < 0 || length > rest.limit() - from) {
      throw new IOException("a header field that is too long");
    }
    return from + length + 1;
  }

  private byte[] message(String member, String argument) {
    Block body = new Block();
    if (!argument.isEmpty()) {
      body.text(argument);
    }
    Block fields = new Block();
    fields.field(FIELD_PATH, 'o', "/org/freedesktop/DBus");
    fields.field(FIELD_INTERFACE, 's', BUS);
    fields.field(FIELD_MEMBER, 's', member);
    fields.field(FIELD_DESTINATION, 's', BUS);
    if (!argument.isEmpty()) {
      fields.field(FIELD_SIGNATURE, 'g', "s");
    }
    Block whole = new Block();
    whole.bytes('l', CALL, 0, 1);
    whole.number(body.size());
    whole.number(serial);
    whole.number(fields.size());
    whole.append(fields);
    whole.align(8);
    whole.append(body);
    return whole.toByteArray();
  }

  private void send(byte[] bytes) throws IOException {
    ByteBuffer out = ByteBuffer.wrap(bytes);
    while (out.hasRemaining()) {
      if (channel.write(out) == 0) {
        throw new IOException("it does not take our message");
      }
    }
  }

  private ByteBuffer read(int count) throws IOException {
    ByteBuffer in = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
    while (in.hasRemaining()) {
      int got = channel.read(in);
      if (got < 0) {
        throw new EOFException("it hung up");
      }
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (got == 0 && (left <= 0 || Thread.currentThread().isInterrupted())) {
        throw new IOException("no answer in %d ms".formatted(PATIENCE.toMillis()));
      }
      if (got == 0) {
        selector.select(left);
        selector.selectedKeys().clear();
      }
    }
    return in.flip();
  }

  @Override
  public void close() throws IOException {
    selector.close();
    channel.close();
  }

  /** Marshalled values, little endian; strings begin on a multiple of 4. */
  private static final class Block extends ByteArrayOutputStream {
    void bytes(int... values) {
      for (int value : values) {
        write(value);
      }
    }

    void number(int value) {
      align(4);
      for (int shift = 0; shift < 32; shift += 8) {
        write(value >> shift);
      }
    }

    void text(String value) {
      number(value.length());
      writeBytes(value.getBytes(StandardCharsets.US_ASCII));
      write(0);
    }

    void field(int code, char kind, String value) {
      align(8);
      bytes(code, 1, kind, 0);
      if (kind == 'g') {
        write(value.length());
        writeBytes(value.getBytes(StandardCharsets.US_ASCII));
        write(0);
      } else {
        text(value);
      }
    }

    void align(int multiple) {
      while (size() % multiple != 0) {
        write(0);
      }
    }

    void append(Block other) {
      writeBytes(other.toByteArray());
    }
  }
}
