package dev.serai.fuzz;

import dev.serai.audit.AuditFuzz;
import dev.serai.backup.BackupFuzz;
import dev.serai.cli.CommandLineFuzz;
import dev.serai.store.DatabaseException;
import java.sql.SQLException;
import java.util.Map;

/** Files that somebody hands over: backups and exports of an audit log. */
public final class FilesFuzz {
  private static final Fuzzed PARSERS =
      new Fuzzed()
          .with('m', "manifest of a backup", BackupFuzz::manifest)
          .with('b', "backup", BackupFuzz::archive)
          .with('d', "database", BackupFuzz::database, SQLException.class, DatabaseException.class)
          .with('r', "recipient's certificate", BackupFuzz::recipient)
          .with('x', "audit export", AuditFuzz::export)
          .with('j', "detail of a record", CommandLineFuzz::detail);

  private FilesFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    PARSERS.run(data);
  }

  static Map<String, byte[]> seeds() throws Exception {
    return Seeds.of()
        .add('m', "agent", BackupFuzz.manifestSeed())
        .add('b', "clear", BackupFuzz.archiveSeed())
        .add('b', "sealed", BackupFuzz.sealedSeed())
        .add('d', "database", BackupFuzz.databaseSeed())
        .add('r', "rsa", Seeds.recorded("certificates", "seed-d-stmicro_gstpmroot").orElseThrow())
        .add('x', "log", AuditFuzz.seed())
        .add('j', "verdict", "{\"pcrs\":[0,1],\"result\":\"trusted\"}")
        .all();
  }
}
