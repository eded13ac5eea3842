package dev.serai.service;

import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The service manager's end: a real unix datagram socket that keeps what it is told. */
public final class NotifySocket implements AutoCloseable {
  private final Socket socket;
  private final String name;
  private final List<String> told = new ArrayList<>();

  private NotifySocket(Socket socket, String name) {
    this.socket = socket;
    this.name = name;
  }

  /** A path, or @ and an abstract name. */
  public static NotifySocket bind(String name) throws IOException {
    Epoll.ensureAvailability();
    Socket socket = Socket.newSocketDomainDgram();
    socket.bind(new DomainSocketAddress(name.startsWith("@") ? "\0" + name.substring(1) : name));
    return new NotifySocket(socket, name);
  }

  /** For NOTIFY_SOCKET. */
  public String name() {
    return name;
  }

  /** Everything it was told until now, in order. */
  public List<String> told() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(4096);
    try {
      while (true) {
        buffer.clear();
        var from = socket.recvFromDomainSocket(buffer, 0, buffer.capacity());
        if (from == null) {
          return List.copyOf(told);
        }
        byte[] bytes = new byte[from.receivedAmount()];
        buffer.get(0, bytes);
        told.add(new String(bytes, StandardCharsets.UTF_8));
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
