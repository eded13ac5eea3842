package dev.serai.testing;

import dev.serai.audit.Audit;
import dev.serai.audit.HeadFile;
import dev.serai.store.Database;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Clock;

/** The audit log of parts that a test puts together itself. */
public final class TestAudit {
  private TestAudit() {}

  /**
   * @param directory for the head file; the one of the database
   */
  public static Audit of(Database database, Path directory) {
    return Audit.open(
        database,
        "test.example",
        new HeadFile(directory.resolve(HeadFile.NAME)),
        Clock.systemUTC(),
        new SimpleMeterRegistry());
  }
}
