package dev.serai.audit;

import dev.serai.audit.HeadFile.Head;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.sqlite.SQLiteConfig;

/** The log of a state directory, read beside a process that writes it. Changes nothing. */
public final class AuditDatabase implements AuditSource {
  private static final int PAGE = 1_000;
  private static final int BUSY_TIMEOUT_MS = 5_000;

  private final HeadFile headFile;
  private final Connection connection;

  private AuditDatabase(HeadFile headFile, Connection connection) {
    this.headFile = headFile;
    this.connection = connection;
  }

  /**
   * @throws RefusalException AUDIT_UNAVAILABLE
   */
  public static AuditDatabase open(Path stateDir) {
    return open(stateDir.resolve("serai.db"), stateDir.resolve(HeadFile.NAME));
  }

  /** Of a database and a head file that stand apart. */
  public static AuditDatabase open(Path database, Path head) {
    if (!Files.isRegularFile(database)) {
      throw unavailable("no database " + database, null);
    }
    SQLiteConfig config = new SQLiteConfig();
    config.setReadOnly(true);
    config.setBusyTimeout(BUSY_TIMEOUT_MS);
    try {
      Connection connection = config.createConnection("jdbc:sqlite:" + database.toAbsolutePath());
      try {
        connection.setAutoCommit(false);
        AuditTable.segments(connection);
        connection.rollback();
        return new AuditDatabase(new HeadFile(head), connection);
      } catch (SQLException e) {
        connection.close();
        throw e;
      }
    } catch (SQLException e) {
      throw unavailable("cannot read the audit log in " + database + ": " + e.getMessage(), e);
    }
  }

  /** Where the log in a database file ends. Empty without one. */
  static Optional<Head> headOf(Path database) {
    try (Connection connection =
            new SQLiteConfig().createConnection("jdbc:sqlite:" + database.toAbsolutePath());
        ResultSet tables =
            connection
                .getMetaData()
                .getTables(null, null, "audit_record", new String[] {"TABLE"})) {
      if (!tables.next()) {
        return Optional.empty();
      }
      List<ChainSegment> segments = AuditTable.segments(connection);
      return AuditTable.last(connection)
          .map(
              last ->
                  new Head(
                      segments.get(segments.size() - 1).chainId(), last.sequence(), last.hash()));
    } catch (SQLException e) {
      throw unavailable("cannot read the audit log in " + database + ": " + e.getMessage(), e);
    }
  }

  /** Is this record in it, or was it pruned? */
  static boolean holds(Path database, Head head) {
    try (Connection connection =
        new SQLiteConfig().createConnection("jdbc:sqlite:" + database.toAbsolutePath())) {
      return headOf(database).isPresent()
          && (AuditTable.at(connection, head.sequence())
                  .filter(record -> record.hash().equals(head.hash()))
                  .isPresent()
              || AuditTable.floor(connection)
                  .filter(floor -> floor.sequence() >= head.sequence())
                  .isPresent());
    } catch (SQLException e) {
      throw unavailable("cannot read the audit log in " + database + ": " + e.getMessage(), e);
    }
  }

  private static RefusalException unavailable(String detail, Throwable cause) {
    return new RefusalException(ReasonCode.AUDIT_UNAVAILABLE, detail, cause);
  }

  @Override
  public void read(Reader reader) {
    Optional<Head> head = headFile.read(); // before the snapshot, which is then not behind it
    try {
      List<ChainSegment> segments = AuditTable.segments(connection);
      segments.forEach(reader::segment);
      AuditTable.checkpoints(connection).forEach(reader::checkpoint);
      if (head.isPresent()) {
        reader.head(head.get());
      } else if (!segments.isEmpty()) {
        throw new RefusalException(
            ReasonCode.AUDIT_TRUNCATED, "the file with the last hash is gone or unreadable");
      }
      long next = AuditTable.floor(connection).map(c -> c.sequence() + 1).orElse(0L);
      List<AuditRecord> page = AuditTable.from(connection, next, PAGE);
      while (!page.isEmpty()) {
        page.forEach(reader::record);
        next = page.get(page.size() - 1).sequence() + 1;
        page = AuditTable.from(connection, next, PAGE);
      }
      connection.rollback();
    } catch (SQLException e) {
      throw unavailable("cannot read the audit log: " + e.getMessage(), e);
    }
  }

  /** The last ones that match, oldest first. */
  public List<AuditRecord> last(int limit, Optional<String> kind, Predicate<AuditRecord> wanted) {
    try {
      Deque<AuditRecord> found = new ArrayDeque<>();
      AuditTable.backwards(
          connection,
          kind,
          record -> {
            if (found.size() < limit && wanted.test(record)) {
              found.addFirst(record);
            }
            return found.size() < limit;
          });
      connection.rollback();
      return List.copyOf(found);
    } catch (SQLException e) {
      throw unavailable("cannot read the audit log: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    try {
      connection.close();
    } catch (SQLException e) {
      throw unavailable("cannot close the audit log: " + e.getMessage(), e);
    }
  }
}
