package dev.serai.store;

import java.sql.Connection;
import java.sql.SQLException;

/**
 * The SQL state of this process. Schema by Flyway from {@code config/db}. Any trouble is an
 * unchecked {@link DatabaseException}; a route turns it into DATABASE_UNAVAILABLE.
 */
public interface Database extends AutoCloseable {

  /** Runs in a read transaction: a stable snapshot. */
  <T> T read(Work<T> work);

  /** Runs in a write transaction, committed and on disk when this returns; rolled back on throw. */
  <T> T write(Work<T> work);

  /**
   * The same for a step towards a {@link #write} that counts: everybody sees it when this returns,
   * and it is on disk at the latest when the next {@code write} is. A process that is killed loses
   * nothing; a power failure in between takes it back whole, with all that came after it. So
   * nothing may be told to anybody on the strength of this alone. A {@code write} inside is
   * refused; inside a {@code write} it is part of that.
   */
  default <T> T writeStep(Work<T> work) {
    return write(work);
  }

  /** Is this thread inside a write transaction? */
  boolean isWriting();

  /**
   * Runs on this thread once its write transaction is on disk, before any other write begins; never
   * when it is rolled back; at once when there is none. What it throws does not undo the commit;
   * what it writes is a transaction of its own.
   */
  void afterCommit(Runnable action);

  @Override
  void close();

  /** Statements of one transaction. */
  @FunctionalInterface
  interface Work<T> {
    T run(Connection connection) throws SQLException;
  }
}
