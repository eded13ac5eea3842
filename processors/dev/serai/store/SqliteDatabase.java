package dev.serai.store;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.serai.deadline.Deadline;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.MigrationInfo;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteConnection;
import org.sqlite.SQLiteDataSource;

/**
 * One SQLite file: write-ahead log, every commit synced to the disk, one writer at a time in this
 * process and readers beside it. Work inside other work on the same thread joins the outer
 * transaction; a write inside a read is refused, for it would not see what the read saw. No call
 * waits longer than the flow it is made for, and a file that hangs holds up a few threads at most.
 */
public final class SqliteDatabase implements Database {
  private static final Logger LOG = LoggerFactory.getLogger(SqliteDatabase.class);
  private static final int READERS = 4;
  private static final Duration BUSY_TIMEOUT = Duration.ofSeconds(5);

  /**
   * What SQL says differently elsewhere. PostgreSQL: BYTEA, and FOR EACH ROW EXECUTE FUNCTION with
   * functions that do the same.
   */
  private static final Map<String, String> DIALECT =
      Map.of(
          "blob",
          "BLOB",
          "refuse_audit_change",
          "BEGIN SELECT RAISE(ABORT, 'the audit log is only appended to'); END",
          "refuse_audit_deletion",
          "BEGIN SELECT RAISE(ABORT, 'the audit log is pruned only up to a checkpoint')"
              + " WHERE OLD.sequence > COALESCE("
              + "(SELECT MAX(sequence) FROM audit_checkpoint WHERE pruned = 1), 0); END");

  private final HikariDataSource readers;
  private final HikariDataSource writer;
  private final Turns writing = new Turns("the database's writer", 1);
  private final Turns reading = new Turns("the database's readers", READERS);
  private final ThreadLocal<Connection> current = new ThreadLocal<>();

  // The writer's, so guarded by its turn.
  private List<Runnable> afterCommit = List.of(); // of the transaction that is open
  private boolean stepping; // the transaction that is open is a step
  private boolean connectionSyncs = true; // as every connection does when it is opened

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
    config.setBusyTimeout((int) BUSY_TIMEOUT.toMillis());
    config.enforceForeignKeys(true);
    config.setTransactionMode(mode);
    SQLiteDataSource source = new SQLiteDataSource(config);
    source.setUrl(url);
    return source;
  }

  private static void migrate(DataSource source, String migrations) {
    Flyway flyway =
        Flyway.configure()
            .dataSource(source)
            .locations(migrations)
            .placeholders(DIALECT)
            .loggers("slf4j")
            .load();
    for (MigrationInfo migration : flyway.info().all()) {
      if (migration.getState().isApplied() && !migration.getState().isResolved()) {
        throw new RefusalException(
            ReasonCode.SCHEMA_TOO_NEW,
            "the database has schema "
                + migration.getVersion()
                + " ("
                + migration.getDescription()
                + "), which this version does not know");
      }
    }
    flyway.migrate();
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
    return reading.in(() -> readNow(work));
  }

  private <T> T readNow(Work<T> work) {
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
      if (!writing.isMine()) {
        throw new IllegalStateException("a write inside a read of the same thread");
      }
      if (stepping) {
        throw new IllegalStateException("a write inside a step");
      }
      return joined(outer, work);
    }
    return writing.in(() -> writeNow(work));
  }

  @Override
  public <T> T writeStep(Work<T> work) {
    Connection outer = current.get();
    if (outer != null) {
      if (!writing.isMine()) {
        throw new IllegalStateException("a write inside a read of the same thread");
      }
      return joined(outer, work);
    }
    return writing.in(() -> transaction(work, false));
  }

  /** The actions have their turn still, but no transaction: what one of them writes is its own. */
  private <T> T writeNow(Work<T> work) {
    List<Runnable> actions = new ArrayList<>();
    afterCommit = actions;
    T answer = transaction(work, true);
    committed(List.copyOf(actions));
    return answer;
  }

  /**
   * @param synced the commit is synced to the disk, and with it all before it: the log is one file
   */
  private <T> T transaction(Work<T> work, boolean synced) {
    Duration patience = Deadline.within(BUSY_TIMEOUT);
    try (Connection connection = writer.getConnection()) {
      connection.unwrap(SQLiteConnection.class).setBusyTimeout((int) patience.toMillis());
      sync(connection, synced);
      stepping = !synced;
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
        afterCommit = List.of();
        stepping = false;
        if (!done) {
          rollBack(connection);
        }
      }
    } catch (SQLException e) {
      throw failed("write", e);
    }
  }

  /** Said before a transaction begins: should it fail, nothing is written with the wrong one. */
  private void sync(Connection connection, boolean synced) throws SQLException {
    if (synced == connectionSyncs) {
      return;
    }
    connectionSyncs = false; // until it is known
    try (Statement statement = connection.createStatement()) {
      statement.execute("PRAGMA synchronous = " + (synced ? "FULL" : "NORMAL"));
    }
    connectionSyncs = synced;
  }

  @Override
  public boolean isWriting() {
    return current.get() != null && writing.isMine();
  }

  @Override
  public void afterCommit(Runnable action) {
    if (isWriting()) {
      if (stepping) {
        throw new IllegalStateException("nothing follows from a step alone");
      }
      afterCommit.add(action);
    } else {
      action.run();
    }
  }

  private static void committed(List<Runnable> actions) {
    for (Runnable action : actions) {
      try {
        action.run();
      } catch (RuntimeException e) {
        LOG.error("an action after a commit failed", e);
      }
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

  private static DatabaseException failed(String what, SQLException e) {
    return new DatabaseException(what + " failed: " + e.getMessage(), e);
  }

  @Override
  public void close() {
    readers.close();
    writer.close();
  }
}
