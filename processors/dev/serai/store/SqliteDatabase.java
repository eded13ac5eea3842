package dev.serai.store;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteDataSource;

/**
 * One SQLite file: write-ahead log, every commit synced to the disk, one writer at a time in this
 * process and readers beside it. Work inside other work on the same thread joins the outer
 * transaction; a write inside a read is refused, for it would not see what the read saw.
 */
public final class SqliteDatabase implements Database {
  private static final Logger LOG = LoggerFactory.getLogger(SqliteDatabase.class);
  private static final int READERS = 4;
  private static final int BUSY_TIMEOUT_MS = 5_000;
  private static final long WRITER_WAIT_SECONDS = 10;

  private final HikariDataSource readers;
  private final HikariDataSource writer;
  private final ReentrantLock writing = new ReentrantLock(true);
  private final ThreadLocal<Connection> current = new ThreadLocal<>();

  private SqliteDatabase(HikariDataSource readers, HikariDataSource writer) {
    this.readers = readers;
    this.writer = writer;
  }

  /** Opens or makes the file (0600) and brings its schema up to date. */
  public static SqliteDatabase open(Path file) {
    return open(file, "classpath:config/db");
  }

  static SqliteDatabase open(Path file, String migrations) {
    makePrivate(file);
    String url = "jdbc:sqlite:" + file.toAbsolutePath();
    DataSource writes = source(url, SQLiteConfig.TransactionMode.IMMEDIATE);
    try {
      migrate(writes, migrations);
    } catch (FlywayException e) {
      String why = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      throw new DatabaseException("schema of " + file + " cannot be brought up to date: " + why, e);
    }
    HikariDataSource writer;
    try {
      writer = pool("serai-write", writes, 1, true); // the lock is held while there is work
    } catch (RuntimeException e) {
      throw new DatabaseException("cannot open " + file, e);
    }
    try {
      HikariDataSource readers =
          pool("serai-read", source(url, SQLiteConfig.TransactionMode.DEFERRED), READERS, false);
      return new SqliteDatabase(readers, writer);
    } catch (RuntimeException e) {
      writer.close();
      throw new DatabaseException("cannot open " + file, e);
    }
  }

  private static void makePrivate(Path file) {
    try {
      if (!Files.exists(file)) {
        Files.createFile(
            file,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      }
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    } catch (IOException e) {
      throw new DatabaseException("cannot make " + file + ": " + e.getMessage(), e);
    }
  }

  private static DataSource source(String url, SQLiteConfig.TransactionMode mode) {
    SQLiteConfig config = new SQLiteConfig();
    config.setJournalMode(SQLiteConfig.JournalMode.WAL);
    config.setSynchronous(SQLiteConfig.SynchronousMode.FULL);
    config.setBusyTimeout(BUSY_TIMEOUT_MS);
    config.enforceForeignKeys(true);
    config.setTransactionMode(mode);
    SQLiteDataSource source = new SQLiteDataSource(config);
    source.setUrl(url);
    return source;
  }

  private static void migrate(DataSource source, String migrations) {
    Flyway.configure()
        .dataSource(source)
        .locations(migrations)
        .placeholders(Map.of("blob", "BLOB"))
        .loggers("slf4j")
        .load()
        .migrate();
  }

  private static HikariDataSource pool(
      String name, DataSource source, int size, boolean autoCommit) {
    HikariConfig config = new HikariConfig();
    config.setPoolName(name);
    config.setDataSource(source);
    config.setMaximumPoolSize(size); // all open from the start: no idle timer
    config.setAutoCommit(autoCommit);
    config.setConnectionTimeout(TimeUnit.SECONDS.toMillis(10));
    config.setMaxLifetime(0);
    return new HikariDataSource(config);
  }

  @Override
  public <T> T read(Work<T> work) {
    Connection outer = current.get();
    if (outer != null) {
      return joined(outer, work);
    }
    try (Connection connection = readers.getConnection()) {
      current.set(connection);
      try {
        return work.run(connection);
      } finally {
        current.remove();
        connection.rollback(); // ends the snapshot
      }
    } catch (SQLException e) {
      throw failed("read", e);
    }
  }

  @Override
  public <T> T write(Work<T> work) {
    Connection outer = current.get();
    if (outer != null) {
      if (!writing.isHeldByCurrentThread()) {
        throw new IllegalStateException("a write inside a read of the same thread");
      }
      return joined(outer, work);
    }
    awaitTurn();
    try (Connection connection = writer.getConnection()) {
      connection.setAutoCommit(false); // begins
      current.set(connection);
      boolean done = false;
      try {
        T answer = work.run(connection);
        connection.commit();
        done = true;
        return answer;
      } finally {
        current.remove();
        if (!done) {
          rollBack(connection);
        }
      }
    } catch (SQLException e) {
      throw failed("write", e);
    } finally {
      writing.unlock();
    }
  }

  /**
   * A full disk may have ended the transaction already; what state the connection is in then is not
   * known, so it is not used again.
   */
  private void rollBack(Connection connection) {
    try {
      connection.rollback();
    } catch (SQLException e) {
      LOG.warn("a write connection is given up: {}", e.getMessage());
      writer.evictConnection(connection);
    }
  }

  private static <T> T joined(Connection connection, Work<T> work) {
    try {
      return work.run(connection);
    } catch (SQLException e) {
      throw failed("statement", e);
    }
  }

  private void awaitTurn() {
    try {
      if (!writing.tryLock(WRITER_WAIT_SECONDS, TimeUnit.SECONDS)) {
        throw new DatabaseException("no turn to write within " + WRITER_WAIT_SECONDS + " s", null);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DatabaseException("interrupted while waiting to write", e);
    }
  }

  private static DatabaseException failed(String what, SQLException e) {
    return new DatabaseException(what + " failed: " + e.getMessage(), e);
  }

  @Override
  public void close() {
    readers.close();
    writer.close();
  }
}
