package dev.serai.location.sensor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.tpm.Bytes;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;

/**
 * A real dbus-daemon with a service on it that answers as ModemManager does for one modem and its
 * SIM. The daemon checks every message of both sides.
 */
final class FakeModemManager implements AutoCloseable {
  private static final String MODEM = "org.freedesktop.ModemManager1.Modem";
  private static final String SIM = "/org/freedesktop/ModemManager1/SIM/0";

  private final Process daemon;
  private final Path bus;
  private final String device;
  private final SocketChannel channel;
  private int serial;

  private FakeModemManager(Process daemon, Path bus, String device) throws IOException {
    this.daemon = daemon;
    this.bus = bus;
    this.device = device;
    this.channel = SocketChannel.open(StandardProtocolFamily.UNIX);
  }

  static FakeModemManager start(Path dir, String device) throws Exception {
    Path short_ = Files.createTempDirectory(Path.of("/tmp"), "mm"); // a socket's path is short
    Path bus = short_.resolve("bus");
    Path config = dir.resolve("bus.conf");
    Files.writeString(
        config,
        """
        <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
         "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
        <busconfig>
          <type>custom</type>
          <listen>unix:path=%s</listen>
          <auth>EXTERNAL</auth>
          <policy context="default">
            <allow user="*"/>
            <allow own="*"/>
            <allow send_destination="*" eavesdrop="true"/>
            <allow receive_sender="*"/>
          </policy>
        </busconfig>
        """
            .formatted(bus));
    Process daemon =
        new ProcessBuilder("dbus-daemon", "--nofork", "--config-file=" + config)
            .redirectErrorStream(true)
            .redirectOutput(dir.resolve("bus.log").toFile())
            .start();
    FakeModemManager manager = new FakeModemManager(daemon, bus, device);
    try {
      Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> Files.exists(bus));
      Awaitility.await()
          .atMost(Duration.ofSeconds(60))
          .ignoreExceptions()
          .until(() -> manager.channel.connect(UnixDomainSocketAddress.of(bus)));
      manager.join();
      return manager;
    } catch (Exception | Error e) {
      manager.close();
      throw e;
    }
  }

  Path bus() {
    return bus;
  }

  private void join() throws Exception {
    String uid = Files.getAttribute(Path.of("/proc/self"), "unix:uid").toString();
    send(
        ("\0AUTH EXTERNAL " + Bytes.ofText(uid).toHex() + "\r\n").getBytes(StandardCharsets.UTF_8));
    DataInputStream in = new DataInputStream(Channels.newInputStream(channel));
    StringBuilder line = new StringBuilder();
    while (!line.toString().endsWith("\r\n")) {
      line.append((char) in.readByte());
    }
    assertThat(line.toString()).startsWith("OK ");
    send("BEGIN\r\n".getBytes(StandardCharsets.UTF_8));
    Out none = new Out();
    ask("Hello", "", none);
    Out name = new Out();
    name.text("org.freedesktop.ModemManager1");
    name.uint32(0);
    ask("RequestName", "su", name);
    int answers = 0;
    while (answers < 2) {
      if (next(in).type() == DbusMessage.RETURN) {
        answers++;
      }
    }
    Thread thread = new Thread(() -> serve(in), "fake-modem-manager");
    thread.setDaemon(true);
    thread.start();
  }

  private void ask(String member, String signature, Out body) throws IOException {
    Out fields = new Out();
    fields.field(DbusMessage.PATH, "o", "/org/freedesktop/DBus");
    fields.field(DbusMessage.DESTINATION, "s", "org.freedesktop.DBus");
    fields.field(DbusMessage.INTERFACE, "s", "org.freedesktop.DBus");
    fields.field(DbusMessage.MEMBER, "s", member);
    if (!signature.isEmpty()) {
      fields.field(DbusMessage.SIGNATURE, "g", signature);
    }
    message(1, fields, body);
  }

  private static DbusMessage next(DataInputStream in) throws Exception {
    byte[] prologue = new byte[DbusMessage.PROLOGUE];
    in.readFully(prologue);
    byte[] rest = new byte[DbusMessage.length(Bytes.copyOf(prologue)) - prologue.length];
    in.readFully(rest);
    return DbusMessage.parse(Bytes.concat(Bytes.copyOf(prologue), Bytes.copyOf(rest)));
  }

  private void serve(DataInputStream in) {
    try {
      while (true) {
        DbusMessage call = next(in);
        if (call.type() != DbusMessage.CALL) {
          continue;
        }
        Out body = new Out();
        String signature;
        if ("GetManagedObjects".equals(call.fields().get(DbusMessage.MEMBER))) {
          signature = "a{oa{sa{sv}}}";
          body.array(
              8,
              () -> {
                body.align(8);
                body.text("/org/freedesktop/ModemManager1/Modem/0");
                body.array(
                    8,
                    () -> {
                      body.align(8);
                      body.text(MODEM);
                      properties(
                          body,
                          Map.of("Device", device, "EquipmentIdentifier", "356345043865103"),
                          true);
                    });
              });
        } else {
          assertThat(call.fields().get(DbusMessage.PATH)).isEqualTo(SIM);
          assertThat(call.body()).containsExactly("org.freedesktop.ModemManager1.Sim");
          signature = "a{sv}";
          properties(body, Map.of("Imsi", "214070610960475"), false);
        }
        Out fields = new Out();
        fields.align(8);
        fields.bytes.write(DbusMessage.REPLY_SERIAL);
        fields.signature("u");
        fields.uint32((int) call.serial());
        fields.field(DbusMessage.DESTINATION, "s", (String) call.fields().get(DbusMessage.SENDER));
        fields.field(DbusMessage.SIGNATURE, "g", signature);
        message(2, fields, body);
      }
    } catch (Exception e) {
      return; // the test is over
    }
  }

  private static void properties(Out body, Map<String, String> texts, boolean modem) {
    body.array(
        8,
        () -> {
          texts.forEach(
              (key, value) -> {
                body.align(8);
                body.text(key);
                body.signature("s");
                body.text(value);
              });
          if (modem) {
            body.align(8);
            body.text("Sim");
            body.signature("o");
            body.text(SIM);
            body.align(8);
            body.text("OwnNumbers");
            body.signature("as");
            body.array(4, () -> body.text("+34696810912"));
            body.align(8);
            body.text("Power");
            body.signature("(ybnqiuxtd)");
            body.align(8);
            body.bytes.write(7);
            body.uint32(1);
            body.align(2);
            body.bytes.write(1);
            body.bytes.write(0);
            body.bytes.write(1);
            body.bytes.write(0);
            body.uint32(1);
            body.uint32(1);
            body.align(8);
            body.bytes.writeBytes(new byte[24]);
          }
        });
  }

  private void message(int type, Out fields, Out body) throws IOException {
    Out out = new Out();
    out.bytes.writeBytes(new byte[] {'l', (byte) type, 0, 1});
    out.uint32(body.bytes.size());
    out.uint32(++serial);
    out.uint32(fields.bytes.size());
    out.bytes.writeBytes(fields.bytes.toByteArray());
    out.align(8);
    out.bytes.writeBytes(body.bytes.toByteArray());
    send(out.bytes.toByteArray());
  }

  private void send(byte[] bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  /** The D-Bus marshalling, from the specification. */
  private static final class Out {
    private ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    void align(int to) {
      while (bytes.size() % to != 0) {
        bytes.write(0);
      }
    }

    void uint32(int value) {
      align(4);
      bytes.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
    }

    void text(String text) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      uint32(utf8.length);
      bytes.writeBytes(utf8);
      bytes.write(0);
    }

    void signature(String text) {
      bytes.write(text.length());
      bytes.writeBytes(text.getBytes(StandardCharsets.UTF_8));
      bytes.write(0);
    }

    void field(int code, String type, String value) {
      align(8);
      bytes.write(code);
      signature(type);
      if (type.equals("g")) {
        signature(value);
      } else {
        text(value);
      }
    }

    void array(int alignment, Runnable content) {
      uint32(0);
      int length = bytes.size() - 4;
      align(alignment);
      int from = bytes.size();
      content.run();
      byte[] all = bytes.toByteArray();
      ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN).putInt(length, all.length - from);
      bytes = new ByteArrayOutputStream();
      bytes.writeBytes(all);
    }
  }

  @Override
  public void close() throws Exception {
    channel.close();
    daemon.destroyForcibly();
    assertThat(daemon.waitFor(60, TimeUnit.SECONDS)).isTrue();
    Files.deleteIfExists(bus);
    Files.deleteIfExists(bus.getParent());
  }
}
