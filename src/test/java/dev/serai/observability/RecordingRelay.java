package dev.serai.observability;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Hands on what comes on one loopback port to another, and keeps what both sides said. */
final class RecordingRelay implements AutoCloseable {
  private final ServerSocket listener;
  private final int to;
  private final ByteArrayOutputStream said = new ByteArrayOutputStream();

  RecordingRelay(int from, int to) throws IOException {
    this.to = to;
    this.listener = new ServerSocket();
    listener.setReuseAddress(true);
    listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), from));
    start(this::accept);
  }

  String said() {
    synchronized (said) {
      return said.toString(StandardCharsets.ISO_8859_1);
    }
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        Socket server = new Socket(InetAddress.getLoopbackAddress(), to);
        start(() -> pump(client, server));
        start(() -> pump(server, client));
      } catch (IOException e) {
        continue; // the other side is not there yet, or this one was closed
      }
    }
  }

  private void pump(Socket from, Socket into) {
    byte[] buffer = new byte[8192];
    try (from;
        into) {
      InputStream in = from.getInputStream();
      OutputStream out = into.getOutputStream();
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        synchronized (said) {
          said.write(buffer, 0, n);
        }
        out.write(buffer, 0, n);
        out.flush();
      }
    } catch (IOException e) {
      return; // either side went away
    }
  }

  private static void start(Runnable action) {
    Thread thread = new Thread(action, "recording-relay");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }
}
