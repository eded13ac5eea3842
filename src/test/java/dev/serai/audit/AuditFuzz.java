package dev.serai.audit;

import static dev.serai.fuzz.Fuzzed.check;
import static dev.serai.fuzz.Fuzzed.same;

import dev.serai.store.SqliteDatabase;
import dev.serai.tpm.Bytes;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** An export of an audit log that somebody hands to us. */
public final class AuditFuzz {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  private AuditFuzz() {}

  public static void export(byte[] in) throws IOException {
    Path file = Files.createTempFile("fuzz", ".jsonl");
    try {
      AuditExport export = new AuditExport(Files.write(file, in));
      ChainVerifier.Result result = verify(export);
      if (result.wrong().isPresent()) {
        return;
      }
      Records first = new Records();
      export.read(first);
      check(first.all.size() == result.records(), "it tells how many records it holds");
      StringWriter again = new StringWriter();
      AuditExport.write(export, new PrintWriter(again), NOW);
      Files.writeString(file, again.toString());
      same(result, verify(export), "what is accepted is accepted when it is written again");
      Records second = new Records();
      export.read(second);
      same(first.all, second.all, "and says the same");
    } finally {
      Files.deleteIfExists(file);
    }
  }

  private static ChainVerifier.Result verify(AuditExport export) {
    return new ChainVerifier(Optional.empty(), List.of()).verify(export);
  }

  private static final class Records implements AuditSource.Reader {
    private final List<AuditRecord> all = new ArrayList<>();

    @Override
    public void segment(ChainSegment segment) {
      // only records are compared
    }

    @Override
    public void checkpoint(Checkpoint checkpoint) {
      // only records are compared
    }

    @Override
    public void head(HeadFile.Head head) {
      // only records are compared
    }

    @Override
    public void record(AuditRecord record) {
      all.add(record);
    }
  }

  /** A few records and a checkpoint without a signature. */
  public static Bytes seed() throws Exception {
    Path directory = Files.createTempDirectory("fuzz-audit");
    StringWriter out = new StringWriter();
    try (SqliteDatabase database = SqliteDatabase.open(directory.resolve("serai.db"))) {
      Audit audit =
          Audit.open(
              database,
              "example.org",
              new HeadFile(directory.resolve(HeadFile.NAME)),
              () -> NOW,
              new SimpleMeterRegistry());
      audit.append(AuditEvent.of(AuditKind.BACKUP_MADE, "backup").with("files", 3));
      audit.checkpoint(Optional.empty());
      try (AuditDatabase log = AuditDatabase.open(directory)) {
        AuditExport.write(log, new PrintWriter(out), NOW);
      }
    }
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
    return Bytes.copyOf(out.toString().getBytes(StandardCharsets.UTF_8));
  }
}
