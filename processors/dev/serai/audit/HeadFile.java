package dev.serai.audit;

import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The last record's sequence and hash, outside the database: a log that ends before it was cut. Two
 * lines of fixed length, written in turn; one that was being written when the power went does not
 * check, and the other one stands. It is written after the commit, so it may be behind the database
 * and never ahead of it.
 */
public final class HeadFile {
  /** In the state directory. */
  public static final String NAME = "audit-head";

  private static final int LINE = 256;
  private static final Pattern FORM =
      Pattern.compile(
          "(serai-audit-head-v1 chain=([0-9a-f]{32}) sequence=(\\d{1,18}) hash=([0-9a-f]{64}))"
              + " check=([0-9a-f]{16}) *\n");

  private final Path file;

  public HeadFile(Path file) {
    this.file = file;
  }

  /** Where the chain ends. */
  public record Head(String chainId, long sequence, Bytes hash) {
    @Override
    public String toString() {
      return sequence + ":" + hash.toHex();
    }
  }

  /**
   * Makes the head file of a copy of a database. Empty when it holds no log.
   *
   * @param seen the head of the original before it was copied; where the copy does not hold it, it
   *     stays the head, and the copy shows that its log was cut
   */
  public static Optional<Head> ofDatabase(Path database, Optional<Head> seen, Path file) {
    Optional<Head> end = AuditDatabase.headOf(database);
    Optional<Head> head =
        seen.filter(before -> !AuditDatabase.holds(database, before)).or(() -> end);
    head.ifPresent(new HeadFile(file)::write);
    return head;
  }

  /** Empty when there is no file, or neither line of it checks. */
  public Optional<Head> read() {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return Stream.of(line(channel, 0), line(channel, 1))
          .flatMap(Optional::stream)
          .max(Comparator.comparingLong(Head::sequence));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  /** In place of the older line. */
  void write(Head head) {
    try (FileChannel channel =
        FileChannel.open(
            file,
            Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
      long first = line(channel, 0).map(Head::sequence).orElse(-1L);
      long second = line(channel, 1).map(Head::sequence).orElse(-1L);
      if (head.sequence() < Math.max(first, second)) {
        return; // another process of ours was faster
      }
      ByteBuffer text = ByteBuffer.wrap(text(head).getBytes(StandardCharsets.US_ASCII));
      long at = first <= second ? 0 : LINE;
      while (text.hasRemaining()) {
        at += channel.write(text, at);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  /** Forgets what is there: for a chain that was found broken, or restored. */
  void replace(Head head) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot replace " + file, e);
    }
    write(head);
  }

  private static String text(Head head) {
    String fields =
        "serai-audit-head-v1 chain=%s sequence=%d hash=%s"
            .formatted(head.chainId(), head.sequence(), head.hash().toHex());
    String line = fields + " check=" + check(fields);
    return line + " ".repeat(LINE - 1 - line.length()) + "\n";
  }

  private static Optional<Head> line(FileChannel channel, int number) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(LINE);
    while (bytes.hasRemaining()) {
      if (channel.read(bytes, (long) number * LINE + bytes.position()) < 0) {
        return Optional.empty();
      }
    }
    Matcher fields = FORM.matcher(new String(bytes.array(), StandardCharsets.US_ASCII));
    if (!fields.matches() || !check(fields.group(1)).equals(fields.group(5))) {
      return Optional.empty();
    }
    return Optional.of(
        new Head(fields.group(2), Long.parseLong(fields.group(3)), Bytes.ofHex(fields.group(4))));
  }

  private static String check(String fields) {
    return AuditEvent.sha256(fields.getBytes(StandardCharsets.US_ASCII)).substring(0, 16);
  }
}
