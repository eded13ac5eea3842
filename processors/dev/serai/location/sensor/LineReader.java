package dev.serai.location.sensor;

import dev.serai.deadline.Deadline;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Lines of something that never ends, each bounded, all bounded, until a deadline. A line that is
 * too long is passed over.
 */
final class LineReader {
  private final Source source;
  private final Deadline deadline;
  private final int maxLine;
  private final byte[] buffer = new byte[4096];
  private final byte[] line;
  private long left;
  private int from;
  private int to;

  /** Where the bytes come from. */
  @FunctionalInterface
  interface Source {
    /** As InputStream, but 0 when nothing came in a while. */
    int read(byte[] buffer) throws IOException;
  }

  /** mostBytes: of all lines together. */
  LineReader(Source source, Deadline deadline, int maxLine, long mostBytes) {
    this.source = source;
    this.deadline = deadline;
    this.maxLine = maxLine;
    this.line = new byte[maxLine];
    this.left = mostBytes;
  }

  /**
   * The next line without its end; empty when the source ended, the time is over or it was much.
   */
  Optional<String> next() throws IOException {
    int length = 0;
    boolean tooLong = false;
    while (!deadline.passed()) {
      while (from < to) {
        byte b = buffer[from++];
        if (b == '\n') {
          if (!tooLong) {
            return Optional.of(text(length));
          }
          length = 0;
          tooLong = false;
        } else if (length == maxLine) {
          tooLong = true;
        } else {
          line[length++] = b;
        }
      }
      int read = left <= 0 ? -1 : source.read(buffer);
      if (read < 0) {
        return Optional.empty();
      }
      left -= read;
      from = 0;
      to = read;
    }
    return Optional.empty();
  }

  private String text(int length) {
    int end = length > 0 && line[length - 1] == '\r' ? length - 1 : length;
    return new String(line, 0, end, StandardCharsets.UTF_8);
  }
}
