package dev.serai.testing;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** HTTP/1.1 over a unix socket, one request a connection. */
public final class UnixHttp {
  private UnixHttp() {}

  /** Status and body. */
  public record Answer(int status, String body) {}

  public static Answer call(Path socket, String method, String path, String body)
      throws IOException {
    byte[] content = body.getBytes(StandardCharsets.UTF_8);
    String head =
        "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            .formatted(method, path, content.length);
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket));
      for (byte[] part : new byte[][] {head.getBytes(StandardCharsets.UTF_8), content}) {
        ByteBuffer bytes = ByteBuffer.wrap(part);
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
      }
      String answer =
          new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.UTF_8);
      return new Answer(
          Integer.parseInt(answer.split(" ", 3)[1]),
          answer.substring(answer.indexOf("\r\n\r\n") + 4));
    }
  }
}
