package dev.serai.location.sensor;

import dev.serai.testing.SeraiHarness;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A gpsd that says its banner, waits for the watch and then says what the test wants. */
final class FakeGpsd implements AutoCloseable {
  static final String VERSION =
      "{\"class\":\"VERSION\",\"release\":\"3.25\",\"rev\":\"3.25\",\"proto_major\":3,"
          + "\"proto_minor\":15}";
  final List<String> lines = new CopyOnWriteArrayList<>();
  final List<Socket> open = new CopyOnWriteArrayList<>();
  private final ServerSocket server;

  FakeGpsd(String... says) throws IOException {
    lines.addAll(List.of(says));
    server = new ServerSocket(SeraiHarness.freePort(), 8, InetAddress.getLoopbackAddress());
    Thread thread = new Thread(this::serve, "fake-gpsd");
    thread.setDaemon(true);
    thread.start();
  }

  InetSocketAddress address() {
    return (InetSocketAddress) server.getLocalSocketAddress();
  }

  private void serve() {
    while (!server.isClosed()) {
      try {
        Socket caller = server.accept();
        open.add(caller);
        write(caller, VERSION);
        StringBuilder asked = new StringBuilder();
        while (!asked.toString().endsWith("\n")) {
          asked.append((char) caller.getInputStream().read());
        }
        if (asked.toString().startsWith("?WATCH={\"enable\":true,\"json\":true}")) {
          for (String line : lines) {
            write(caller, line);
          }
        }
      } catch (IOException e) {
        continue; // the caller left, or the test is over
      }
    }
  }

  private static void write(Socket caller, String line) throws IOException {
    caller.getOutputStream().write((line + "\r\n").getBytes(StandardCharsets.UTF_8));
    caller.getOutputStream().flush();
  }

  @Override
  public void close() throws IOException {
    server.close();
    for (Socket one : open) {
      one.close();
    }
  }
}
