package dev.serai.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.store.Database;
import dev.serai.store.DatabaseException;
import dev.serai.store.SqliteDatabase;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The log is as it was written, or it shows that it is not. */
@Tag("slow")
class AuditTest {
  private static final String NODE = "9a1ff0d0-7e36-8763-9f18-445aaf18fd33";

  @TempDir Path directory;
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private Instant now = Instant.parse("2026-11-25T10:00:00Z");
  private SqliteDatabase database;
  private Audit audit;

  @BeforeEach
  void open() {
    database = SqliteDatabase.open(directory.resolve("serai.db"));
    audit =
        Audit.open(
            database,
            "test.example",
            new HeadFile(directory.resolve(HeadFile.NAME)),
            () -> now,
            meters);
  }

  @AfterEach
  void close() {
    database.close();
  }

  private void reopen() {
    close();
    open();
  }

  private void record(int count) {
    for (int i = 0; i < count; i++) {
      now = now.plusSeconds(10);
      audit.append(AuditEvent.of(AuditKind.WATCH_VERDICT, NODE).with("number", (long) i));
    }
  }

  private ChainVerifier.Result verify() {
    try (AuditDatabase log = AuditDatabase.open(directory)) {
      return new ChainVerifier(Optional.empty(), List.of()).verify(log);
    }
  }

  private ReasonCode wrong() {
    return verify().wrong().map(Reason::code).orElse(null);
  }

  private List<AuditRecord> records() {
    try (AuditDatabase log = AuditDatabase.open(directory)) {
      return log.last(1000, Optional.empty(), record -> true);
    }
  }

  /** As somebody with the file and no scruples, who first drops what keeps records. */
  private void attack(String... statements) throws SQLException {
    close(); // a running process holds the only right to write
    try (Connection connection =
            DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("serai.db"));
        Statement statement = connection.createStatement()) {
      for (String trigger :
          List.of(
              "audit_record_kept",
              "audit_record_stays",
              "audit_segment_kept",
              "audit_segment_stays",
              "audit_checkpoint_stays")) {
        statement.execute("DROP TRIGGER IF EXISTS " + trigger);
      }
      for (String one : statements) {
        assertThat(statement.executeUpdate(one)).as(one).isPositive();
      }
    }
  }

  @Test
  void a_record_says_what_who_and_why_in_an_intact_chain() {
    Acting.as(
        "uid:1000",
        () -> {
          audit.append(
              AuditEvent.of(AuditKind.NODE_BANNED, NODE)
                  .because(ReasonCode.NODE_BANNED)
                  .with("serial", "1a"));
          return null;
        });
    AuditRecord record = records().get(1);
    assertThat(record.kind()).isEqualTo("node.banned");
    assertThat(record.subject()).isEqualTo(NODE);
    assertThat(record.actor()).isEqualTo("uid:1000");
    assertThat(record.reasonCodes()).containsExactly("NODE_BANNED");
    assertThat(record.detail()).isEqualTo("{\"serial\":\"1a\"}");
    assertThat(record.at()).isEqualTo(now);
    assertThat(verify().wrong()).isEmpty();
    assertThat(verify().records()).isEqualTo(2);
    assertThat(meters.get("serai.audit.records").tag("kind", "node.banned").counter().count())
        .isEqualTo(1);
  }

  @Test
  void a_token_in_an_id_is_its_digest() {
    audit.append(
        AuditEvent.of(AuditKind.ENTRY_CREATED, "spiffe://test.example/serai/verifier")
            .with("parent", "spiffe://test.example/spire/agent/join_token/s3cr3t-token"));
    assertThat(records().get(1).detail())
        .contains("join_token/" + AuditEvent.digestOf("s3cr3t-token"))
        .doesNotContain("s3cr3t");
  }

  @Test
  void what_is_rolled_back_leaves_no_record_and_no_gap() {
    record(2);
    assertThatThrownBy(
            () ->
                database.write(
                    connection -> {
                      audit.append(connection, AuditEvent.of(AuditKind.NODE_BANNED, NODE));
                      throw new IllegalStateException("planted");
                    }))
        .hasMessage("planted");
    record(2);
    assertThat(records()).extracting(AuditRecord::kind).doesNotContain("node.banned");
    assertThat(verify().wrong()).isEmpty();
    assertThat(verify().records()).isEqualTo(5);
  }

  @Test
  void callers_of_all_threads_find_their_records_on_disk_in_one_chain() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(16);
    try {
      List<Callable<Boolean>> work = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        String subject = "spiffe://test.example/" + i;
        boolean inTransaction = i % 4 == 0;
        work.add(
            () -> {
              if (inTransaction) {
                database.write(
                    connection -> {
                      audit.append(connection, AuditEvent.of(AuditKind.SVID_ISSUED, subject));
                      return null;
                    });
              } else {
                audit.append(AuditEvent.of(AuditKind.SVID_ISSUED, subject));
              }
              return database.read(
                  connection -> {
                    try (var select =
                        connection.prepareStatement(
                            "SELECT 1 FROM audit_record WHERE subject = ?")) {
                      select.setString(1, subject);
                      return select.executeQuery().next();
                    }
                  });
            });
      }
      for (Future<Boolean> found : threads.invokeAll(work)) {
        assertThat(found.get()).isTrue();
      }
    } finally {
      threads.shutdownNow();
    }
    assertThat(verify().wrong()).isEmpty();
    assertThat(verify().records()).isEqualTo(201);
  }

  @Test
  void a_log_that_cannot_be_written_refuses() {
    database.close();
    assertThatThrownBy(() -> audit.append(AuditEvent.of(AuditKind.SVID_ISSUED, NODE)))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.AUDIT_UNAVAILABLE));
  }

  @ParameterizedTest
  @CsvSource({
    "UPDATE audit_record SET detail = '{}'",
    "DELETE FROM audit_record WHERE sequence = 3",
    "UPDATE audit_segment SET trust_domain = 'x'",
    "DELETE FROM audit_segment"
  })
  void the_database_itself_refuses_changes(String statement) {
    record(5);
    assertThatThrownBy(
            () ->
                database.write(
                    connection -> {
                      try (Statement change = connection.createStatement()) {
                        return change.executeUpdate(statement);
                      }
                    }))
        .isInstanceOf(DatabaseException.class)
        .hasMessageContaining("audit log");
    assertThat(wrong()).isNull();
  }

  static Stream<List<String>> changes() {
    return Stream.of(
        List.of(
            "AUDIT_CHAIN_BROKEN", "4", "UPDATE audit_record SET detail = '{}' WHERE sequence = 4"),
        List.of(
            "AUDIT_CHAIN_BROKEN", "4", "UPDATE audit_record SET at = at + 1 WHERE sequence = 4"),
        List.of(
            "AUDIT_CHAIN_BROKEN", "4", "UPDATE audit_record SET actor = 'x' WHERE sequence = 4"),
        List.of("AUDIT_CHAIN_BROKEN", "5", "DELETE FROM audit_record WHERE sequence = 5"),
        List.of(
            "AUDIT_CHAIN_BROKEN",
            "5",
            "DELETE FROM audit_record WHERE sequence = 5",
            "UPDATE audit_record SET sequence = sequence - 1 WHERE sequence > 5"),
        List.of(
            "AUDIT_CHAIN_BROKEN",
            "4",
            "UPDATE audit_record SET sequence = -1 WHERE sequence = 4",
            "UPDATE audit_record SET sequence = 4 WHERE sequence = 5",
            "UPDATE audit_record SET sequence = 5 WHERE sequence = -1"),
        List.of("AUDIT_TRUNCATED", "8", "DELETE FROM audit_record WHERE sequence >= 8"),
        List.of("AUDIT_TRUNCATED", "1", "DELETE FROM audit_record WHERE sequence <= 2"),
        List.of("AUDIT_TRUNCATED", "0", "DELETE FROM audit_record"),
        List.of("AUDIT_CHAIN_BROKEN", "0", "DELETE FROM audit_segment"),
        List.of("AUDIT_CHAIN_BROKEN", "1", "UPDATE audit_segment SET trust_domain = 'other'"));
  }

  @ParameterizedTest
  @MethodSource("changes")
  void every_change_of_the_rows_is_found_and_named(List<String> change) throws Exception {
    record(10);
    attack(change.subList(2, change.size()).toArray(String[]::new));
    ChainVerifier.Result result = verify();
    assertThat(result.wrong().map(reason -> reason.code().name())).contains(change.get(0));
    assertThat(result.at()).isEqualTo(Long.parseLong(change.get(1)));
  }

  @Test
  void an_older_database_put_back_is_found_also_after_a_start() throws Exception {
    record(3);
    close();
    Files.copy(directory.resolve("serai.db"), directory.resolve("old"));
    open();
    record(3);
    close();
    Files.copy(
        directory.resolve("old"),
        directory.resolve("serai.db"),
        StandardCopyOption.REPLACE_EXISTING);
    assertThat(wrong()).isEqualTo(ReasonCode.AUDIT_TRUNCATED);
    open();
    assertThat(audit.trouble().map(Reason::code)).contains(ReasonCode.AUDIT_TRUNCATED);
    assertThat(audit.fact()).startsWith("AUDIT_TRUNCATED");
    record(3);
    reopen();
    assertThat(wrong()).as("for ever").isEqualTo(ReasonCode.AUDIT_TRUNCATED);
    assertThat(records()).extracting(AuditRecord::kind).contains("audit.broken");
  }

  @Test
  void a_tail_cut_off_is_found_at_the_next_start() throws Exception {
    record(10);
    close();
    attack("DELETE FROM audit_record WHERE sequence >= 8");
    open();
    assertThat(audit.trouble().map(Reason::code)).contains(ReasonCode.AUDIT_TRUNCATED);
    assertThat(audit.head().orElseThrow().sequence()).as("no number is given twice").isEqualTo(12);
    assertThat(wrong()).isEqualTo(ReasonCode.AUDIT_TRUNCATED);
  }

  @Test
  void a_head_file_that_is_gone_or_torn_is_told_from_one_line_that_is_torn() throws Exception {
    record(5);
    Path head = directory.resolve(HeadFile.NAME);
    assertThat(Files.getPosixFilePermissions(head)).hasSize(2);
    byte[] whole = Files.readAllBytes(head);
    byte[] torn = whole.clone();
    torn[100] ^= 1;
    Files.write(head, torn);
    assertThat(wrong()).as("the other line stands").isNull();
    torn[256 + 100] ^= 1;
    Files.write(head, torn);
    assertThat(wrong()).isEqualTo(ReasonCode.AUDIT_TRUNCATED);
    Files.delete(head);
    assertThat(wrong()).isEqualTo(ReasonCode.AUDIT_TRUNCATED);
    Files.write(head, whole);
    assertThat(wrong()).isNull();
  }

  @Test
  void a_start_goes_on_with_the_chain() {
    record(3);
    String chain = audit.head().orElseThrow().chainId();
    reopen();
    record(3);
    assertThat(audit.head().orElseThrow().chainId()).isEqualTo(chain);
    assertThat(verify().records()).isEqualTo(7);
    assertThat(wrong()).isNull();
  }

  @Test
  void old_records_go_only_up_to_a_checkpoint_that_stays() throws Exception {
    record(20);
    assertThat(audit.prune(now.minus(Duration.ofHours(1)))).isZero();
    assertThat(audit.prune(now.minusSeconds(95))).isEqualTo(11);
    ChainVerifier.Result result = verify();
    assertThat(result.wrong()).isEmpty();
    assertThat(result.first()).isEqualTo(12);
    assertThat(result.checkpoints()).isEqualTo(1);
    assertThat(records()).extracting(AuditRecord::kind).contains("audit.pruned");
    record(20);
    assertThat(audit.prune(now.plusSeconds(1))).as("the newest stay").isEqualTo(30);
    reopen();
    assertThat(audit.trouble()).isEmpty();
    assertThat(wrong()).isNull();
    attack("DELETE FROM audit_record WHERE kind = 'audit.pruned'");
    assertThat(wrong()).isNotNull();
  }

  @Test
  void a_clock_that_jumps_forward_does_not_empty_the_log() {
    AtomicLong nanos = new AtomicLong(5);
    AuditUpkeep upkeep =
        new AuditUpkeep(
            directory,
            audit,
            new RefusedCallers(() -> now),
            Optional.empty(),
            Optional.of(Duration.ofDays(10)),
            Optional::empty,
            () -> now,
            nanos::get);
    record(499); // and the one it begins with
    Instant right = now;
    now = now.plus(Duration.ofDays(4000));
    upkeep.run();
    assertThat(records()).as("not a moment has gone by").hasSize(500);
    nanos.addAndGet(Duration.ofHours(1).toNanos());
    upkeep.run();
    assertThat(records()).as("a tenth, and the record of it").hasSize(451);
    nanos.addAndGet(Duration.ofDays(3).toNanos());
    upkeep.run();
    assertThat(records()).as("nothing is saved up").hasSizeBetween(400, 410);
    assertThat(wrong()).isNull();
    now = right;
    nanos.addAndGet(Duration.ofHours(1).toNanos());
    int left = records().size();
    upkeep.run();
    assertThat(records()).as("the clock is right again").hasSize(left);
    now = right.plus(Duration.ofDays(11));
    for (int hour = 0; hour < 24 * 10; hour++) {
      nanos.addAndGet(Duration.ofHours(1).toNanos());
      upkeep.run();
    }
    assertThat(records()).as("what is old goes in the end").hasSizeLessThan(50);
    assertThat(wrong()).isNull();
  }

  @Test
  void a_forged_checkpoint_does_not_hide_a_deletion() throws Exception {
    record(10);
    attack(
        "INSERT INTO audit_checkpoint (sequence, chain_id, hash, at, pruned)"
            + " SELECT r.sequence, s.chain_id, r.hash, 0, 1 FROM audit_record r, audit_segment s"
            + " WHERE r.sequence = 6",
        "DELETE FROM audit_record WHERE sequence <= 6");
    assertThat(wrong()).isEqualTo(ReasonCode.AUDIT_TRUNCATED);
  }

  @Test
  void a_restored_log_goes_on_in_a_chain_that_names_the_old_end() {
    record(3);
    HeadFile.Head before = audit.head().orElseThrow();
    audit.beginAfterRestore(AuditEvent.of(AuditKind.STATE_RESTORED, "backup"));
    record(2);
    assertThat(audit.head().orElseThrow().chainId()).isNotEqualTo(before.chainId());
    assertThat(wrong()).isNull();
    reopen();
    assertThat(audit.trouble()).isEmpty();
  }

  @Test
  void a_checkpoint_is_made_only_when_something_happened() {
    record(3);
    assertThat(audit.checkpoint(Optional.empty())).isPresent();
    assertThat(audit.checkpoint(Optional.empty())).isEmpty();
    record(1);
    assertThat(audit.checkpoint(Optional.empty())).isPresent();
    assertThat(verify().checkpoints()).isEqualTo(2);
    assertThat(wrong()).isNull();
  }

  @Test
  void an_anchor_kept_elsewhere_finds_a_rewritten_log() {
    record(3);
    HeadFile.Head seen = audit.head().orElseThrow();
    HeadFile.Head other =
        new HeadFile.Head("", seen.sequence(), dev.serai.tpm.Bytes.copyOf(new byte[32]));
    try (AuditDatabase log = AuditDatabase.open(directory)) {
      assertThat(new ChainVerifier(Optional.empty(), List.of(seen)).verify(log).wrong()).isEmpty();
      assertThat(
              new ChainVerifier(Optional.empty(), List.of(other))
                  .verify(log)
                  .wrong()
                  .map(Reason::code))
          .contains(ReasonCode.AUDIT_CHAIN_BROKEN);
    }
  }

  private Path export() throws Exception {
    Path file = directory.resolve("export.jsonl");
    try (AuditDatabase log = AuditDatabase.open(directory);
        PrintWriter out = new PrintWriter(file.toFile(), StandardCharsets.UTF_8)) {
      AuditExport.write(log, out, now);
    }
    return file;
  }

  private ReasonCode wrong(Path export) {
    return new ChainVerifier(Optional.empty(), List.of())
        .verify(new AuditExport(export))
        .wrong()
        .map(Reason::code)
        .orElse(null);
  }

  @Test
  void an_export_verifies_and_shows_what_was_done_to_it() throws Exception {
    record(10);
    audit.checkpoint(Optional.empty());
    Path file = export();
    assertThat(wrong(file)).isNull();
    List<String> lines = Files.readAllLines(file);
    for (int cut = 1; cut < lines.size(); cut++) {
      Files.write(file, lines.subList(0, cut));
      assertThat(wrong(file)).as("cut to %d lines", cut).isEqualTo(ReasonCode.AUDIT_TRUNCATED);
    }
    String whole = String.join("\n", lines);
    Files.writeString(file, whole.substring(0, whole.length() / 2));
    assertThat(wrong(file)).isEqualTo(ReasonCode.AUDIT_TRUNCATED);
    Files.writeString(file, whole.replace("\\\"number\\\":5", "\\\"number\\\":6"));
    assertThat(wrong(file)).isEqualTo(ReasonCode.AUDIT_CHAIN_BROKEN);
    List<String> without = new ArrayList<>(lines);
    without.removeIf(line -> line.contains("\"sequence\":5,\"at\""));
    assertThat(without).hasSize(lines.size() - 1);
    Files.write(file, without);
    assertThat(wrong(file)).isEqualTo(ReasonCode.AUDIT_CHAIN_BROKEN);
  }

  @Test
  void an_export_says_each_thing_once_in_lines_of_text() throws Exception {
    record(2);
    Path file = export();
    String whole = Files.readString(file);
    Files.writeString(file, whole.replaceFirst("\\{\"type\":\"record\"", "$0,\"detail\":\"x\""));
    assertThat(wrong(file)).as("a name twice").isEqualTo(ReasonCode.AUDIT_TRUNCATED);
    Files.writeString(file, whole.strip() + " {}\n");
    assertThat(wrong(file)).as("a second value").isEqualTo(ReasonCode.AUDIT_TRUNCATED);
    Files.writeString(file, " ".repeat(2 << 20) + whole);
    assertThat(wrong(file)).as("a line without end").isEqualTo(ReasonCode.AUDIT_CHAIN_BROKEN);
    Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe, '\n'});
    assertThat(wrong(file)).as("no text").isEqualTo(ReasonCode.AUDIT_CHAIN_BROKEN);
    Files.writeString(file, whole);
    assertThat(wrong(file)).isNull();
  }

  @Test
  void a_third_party_computes_an_export_by_the_readme() throws Exception {
    record(10);
    audit.beginAfterRestore(
        AuditEvent.of(AuditKind.STATE_RESTORED, "b\u00e4ckup").with("text", "\u2713 \"quoted\""));
    Path file = export();
    assertThat(python(file)).isZero();
    Files.writeString(file, Files.readString(file).replace("watch.verdict", "watch.verdicd"));
    assertThat(python(file)).isNotZero();
  }

  private static int python(Path file) throws Exception {
    Process process =
        new ProcessBuilder("python3", "src/test/resources/peers/verify_audit.py", file.toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  @Test
  void refused_callers_are_counted_not_listed() {
    RefusedCallers refused = new RefusedCallers(() -> now);
    AuditUpkeep upkeep =
        new AuditUpkeep(
            directory,
            audit,
            refused,
            Optional.empty(),
            Optional.empty(),
            Optional::empty,
            () -> now,
            () -> 0);
    for (int i = 0; i < 1000; i++) {
      refused.refused(new Reason(ReasonCode.CALLER_NOT_ALLOWED, "x"), "issue-svid", "trace-" + i);
      refused.refused(new Reason(ReasonCode.EK_NOT_TRUSTED, "x"), "enrol-node", "trace-" + i);
      refused.refused(new Reason(ReasonCode.DATABASE_UNAVAILABLE, "x"), "issue-svid", "t");
    }
    upkeep.run();
    upkeep.run();
    assertThat(records().subList(1, records().size()))
        .extracting(AuditRecord::kind)
        .containsExactly("caller.refused", "ek.refused");
    assertThat(records().get(1).detail()).contains("\"times\":1000", "\"firstTrace\":\"trace-0\"");
  }

  @Test
  void a_database_of_no_log_says_so() throws Exception {
    Path other = directory.resolve("empty");
    Files.createDirectories(other);
    assertThatThrownBy(() -> AuditDatabase.open(other))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.AUDIT_UNAVAILABLE));
  }

  @Test
  void the_database_has_what_the_interface_says() {
    Database one = database;
    assertThat(one.isWriting()).isFalse();
    List<String> order = new ArrayList<>();
    one.write(
        connection -> {
          one.afterCommit(() -> order.add("committed"));
          order.add("working");
          return one.isWriting();
        });
    assertThat(order).containsExactly("working", "committed");
  }
}
