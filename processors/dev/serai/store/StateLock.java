package dev.serai.store;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** The right to a state directory: one process has it. The kernel takes it back when that ends. */
public final class StateLock implements AutoCloseable {
  static final String NAME = "lock";
  private static final long BETWEEN_TRIES_MILLIS = 200;

  private final FileChannel channel;

  private StateLock(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Waits for a process that is ending.
   *
   * @throws RefusalException STATE_DIRECTORY_IN_USE
   */
  public static StateLock hold(Path stateDir, Duration patience) {
    long until = System.nanoTime() + patience.toNanos();
    while (true) {
      Optional<StateLock> held = tryHold(stateDir);
      if (held.isPresent()) {
        return held.get();
      }
      if (System.nanoTime() >= until) {
        throw new RefusalException(
            ReasonCode.STATE_DIRECTORY_IN_USE, stateDir + " is held by another process");
      }
      try {
        TimeUnit.MILLISECONDS.sleep(BETWEEN_TRIES_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new RefusalException(
            ReasonCode.STATE_DIRECTORY_IN_USE, "interrupted while waiting for " + stateDir, e);
      }
    }
  }

  private static Optional<StateLock> tryHold(Path stateDir) {
    try {
      FileChannel channel =
          FileChannel.open(
              stateDir.resolve(NAME),
              Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      FileLock lock;
      try {
        lock = channel.tryLock();
      } catch (OverlappingFileLockException e) {
        lock = null; // this very process has it
      }
      if (lock == null) {
        channel.close();
        return Optional.empty();
      }
      channel.truncate(0);
      channel.write(
          ByteBuffer.wrap(
              (ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.US_ASCII)));
      return Optional.of(new StateLock(channel));
    } catch (IOException e) {
      throw new DatabaseException("cannot lock " + stateDir + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new DatabaseException("cannot release the state directory: " + e.getMessage(), e);
    }
  }
}
