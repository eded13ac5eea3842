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
