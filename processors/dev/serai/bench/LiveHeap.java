package dev.serai.bench;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What of another JVM's heap is in use after a collection, asked as the jcmd tool asks, which a
 * machine without JDK does not have.
 */
final class LiveHeap {
  private static final Pattern USED = Pattern.compile("total \\d+K, used (\\d+)K");
  private static final int TRIES = 600;
  private static final long BETWEEN_TRIES_MS = 100;

  private LiveHeap() {}

  static long kib(long pid) throws IOException, InterruptedException {
    command(pid, "GC.run");
    Matcher found = USED.matcher(command(pid, "GC.heap_info"));
    long used = 0;
    while (found.find()) {
      used += Long.parseLong(found.group(1));
    }
    if (used == 0) {
      throw new IOException("the JVM " + pid + " does not say what it uses");
    }
    return used;
  }

  private static String command(long pid, String command) throws IOException, InterruptedException {
    Path socket = Path.of("/tmp/.java_pid" + pid); // of the JVM, whatever its java.io.tmpdir
    if (!Files.exists(socket)) {
      wake(pid, socket);
    }
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket));
      channel.write(
          ByteBuffer.wrap(("1\0jcmd\0" + command + "\0\0\0").getBytes(StandardCharsets.US_ASCII)));
      return new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /** It listens when it finds this file upon a signal that else would print its threads. */
  private static void wake(long pid, Path socket) throws IOException, InterruptedException {
    Path wish = Files.createFile(Path.of("/tmp/.attach_pid" + pid));
    try {
      new ProcessBuilder("kill", "-QUIT", Long.toString(pid)).start().waitFor();
      for (int i = 0; i < TRIES && !Files.exists(socket); i++) {
        TimeUnit.MILLISECONDS.sleep(BETWEEN_TRIES_MS);
      }
    } finally {
      Files.deleteIfExists(wish);
    }
  }
}
