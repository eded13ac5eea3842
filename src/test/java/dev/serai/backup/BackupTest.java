package dev.serai.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.serai.audit.AuditDatabase;
import dev.serai.audit.AuditRecord;
import dev.serai.audit.ChainVerifier;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.entry.v1.ListEntriesRequest;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.testing.SeraiHarness;
import io.grpc.ManagedChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A backup holds all that a process needs, nothing that it must not get back, or it is refused. */
@Tag("slow")
class BackupTest {

  @TempDir Path dir;
  private Path state;
  private Path backup;

  @BeforeEach
  void places() {
    state = dir.resolve("state");
    backup = dir.resolve("backup");
  }

  private static SeraiHarness issuer(Path stateDir) {
    return SeraiHarness.roles("issuer", "registrar")
        .withStateDir(stateDir)
        .with("serai.audit.tick", "200ms")
        .start();
  }

  private static ManagedChannel admin(SeraiHarness serai) {
    return SpiffeChannels.unix(Path.of(serai.setting("serai.issuer.admin-socket")));
  }

  private static SPIFFEID id(String path) {
    return SPIFFEID.newBuilder().setTrustDomain("test.example").setPath(path).build();
  }

  private static Entry create(ManagedChannel admin, String path) {
    return EntryGrpc.newBlockingStub(admin)
        .withDeadlineAfter(60, TimeUnit.SECONDS)
        .batchCreateEntry(
            BatchCreateEntryRequest.newBuilder()
                .addEntries(
                    Entry.newBuilder()
                        .setSpiffeId(id(path))
                        .setParentId(id("/spire/agent/join_token/t"))
                        .addSelectors(Selector.newBuilder().setType("unix").setValue("uid:1")))
                .build())
        .getResults(0)
        .getEntry();
  }

  private static List<Entry> entries(ManagedChannel admin) {
    return EntryGrpc.newBlockingStub(admin)
        .withDeadlineAfter(60, TimeUnit.SECONDS)
        .listEntries(ListEntriesRequest.getDefaultInstance())
        .getEntriesList();
  }

  /** A process with an entry and an open token, backed up while it runs; then it is gone. */
  private Entry makeBackup() throws Exception {
    try (SeraiHarness serai = issuer(state)) {
      ManagedChannel admin = admin(serai);
      Entry entry = create(admin, "/app");
      AgentGrpc.newBlockingStub(admin)
          .createJoinToken(CreateJoinTokenRequest.newBuilder().setTtl(3600).build());
      make(state, backup);
      await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(() -> assertThat(kinds(state)).contains("backup.made"));
      admin.shutdownNow();
      return entry;
    }
  }

  private static Manifest make(Path state, Path out) throws Exception {
    return Backup.make(state, out, Optional.empty(), Optional.empty(), "test", Instant.now());
  }

  private BackupArchive archive() {
    return new BackupArchive(backup, Optional.empty(), Optional.empty());
  }

  private Restore.Done restore(Path to, boolean force) throws Exception {
    return restore(to, new Restore.Options(force, false, false, false));
  }

  private Restore.Done restore(Path to, Restore.Options options) throws Exception {
    return Restore.run(archive(), to, options, Clock.systemUTC());
  }

  private static List<String> kinds(Path stateDir) {
    try (AuditDatabase log = AuditDatabase.open(stateDir)) {
      return log.last(1000, Optional.empty(), record -> true).stream()
          .map(AuditRecord::kind)
          .toList();
    }
  }

  private static Optional<ReasonCode> wrong(Path stateDir) {
    try (AuditDatabase log = AuditDatabase.open(stateDir)) {
      return new ChainVerifier(Optional.empty(), List.of())
          .verify(log)
          .wrong()
          .map(reason -> reason.code());
    }
  }

  private static void refused(ReasonCode code, Attempt attempt) {
    assertThatThrownBy(attempt::run)
        .isInstanceOfSatisfying(
            RefusalException.class, e -> assertThat(e.reason().code()).isEqualTo(code));
  }

  private interface Attempt {
    void run() throws Exception;
  }

  @Test
  void what_was_backed_up_while_it_ran_goes_on_elsewhere() throws Exception {
    Entry before = makeBackup();
    assertThat(Files.getPosixFilePermissions(backup)).hasSize(2);
    Manifest manifest = archive().verify();
    assertThat(manifest.trustDomain()).isEqualTo("test.example");
    assertThat(manifest.files()).extracting(Manifest.Item::path).contains("serai.db", "audit-head");
    Path other = dir.resolve("other");
    restore(other, false);
    try (SeraiHarness serai = issuer(other)) {
      ManagedChannel admin = admin(serai);
      Entry after = entries(admin).get(0);
      assertThat(after.getId()).isEqualTo(before.getId());
      assertThat(after.getRevisionNumber())
          .as("higher than any agent saw")
          .isGreaterThan(1_000_000_000L);
      create(admin, "/more");
      admin.shutdownNow();
      assertThat(tokens(serai)).as("tokens of the backup are void").isZero();
    }
    assertThat(wrong(other)).isEmpty();
    assertThat(kinds(other)).contains("state.restored", "entry.created");
    assertThat(Files.exists(other.resolve("hawtio-password"))).isTrue();
  }

  private static int tokens(SeraiHarness serai) {
    return serai
        .context()
        .database()
        .read(
            connection -> {
              try (Statement select = connection.createStatement();
                  var row = select.executeQuery("SELECT COUNT(*) FROM issuer_join_token")) {
                return row.getInt(1);
              }
            });
  }

  @Test
  void state_that_is_there_or_in_use_is_not_replaced() throws Exception {
    makeBackup();
    refused(ReasonCode.STATE_NOT_EMPTY, () -> restore(state, false));
    try (SeraiHarness serai = issuer(state)) {
      assertThat(serai.port("serai.issuer.port")).isPositive();
      refused(ReasonCode.STATE_DIRECTORY_IN_USE, () -> restore(state, true));
    }
    Restore.Done done = restore(state, true);
    assertThat(done.replacedHead()).isNotEmpty();
    assertThat(kinds(state)).contains("state.restored").doesNotContain("process.stopped");
  }

  @Test
  void a_tpm_banned_after_the_backup_stays_banned() throws Exception {
    makeBackup();
    change(
        state.resolve("serai.db"),
        "INSERT INTO issuer_ek_ban (ek_name, banned_at) VALUES ('000b01', 1)",
        "INSERT INTO registrar_ban (ek_key, ek_name, banned_at) VALUES ('k', '000b01', 1)");
    assertThat(restore(state, true).bansLost()).isFalse();
    assertThat(StateDatabase.bans(state.resolve("serai.db")).nodeTpms()).containsExactly("000b01");
    assertThat(StateDatabase.bans(state.resolve("serai.db")).registrarTpms())
        .containsExactly(List.of("k", "000b01"));
  }

  @Test
  void bans_that_cannot_be_carried_over_end_a_restore_unless_told() throws Exception {
    makeBackup();
    Path database = state.resolve("serai.db");
    Restore.Options force = new Restore.Options(true, false, false, false);
    Restore.Options lose = new Restore.Options(true, false, true, false);
    byte[] damaged = new byte[4096];
    java.util.Arrays.fill(damaged, (byte) 7);
    for (byte[] content : List.of(damaged, new byte[0])) {
      Files.write(database, content);
      refused(ReasonCode.BANS_UNREADABLE, () -> restore(state, force));
      assertThat(Files.readAllBytes(database)).as("left as it was").isEqualTo(content);
    }
    Files.delete(database);
    refused(ReasonCode.BANS_UNREADABLE, () -> restore(state, force));
    Restore.Done done = restore(state, lose);
    assertThat(done.bansLost()).isTrue();
    assertThat(detail(state, "state.restored")).contains("\"bansLost\":\"true\"");
    assertThat(restore(state, force).bansLost()).isFalse();
    assertThat(detail(state, "state.restored")).contains("\"bansLost\":\"false\"");
  }

  private static String detail(Path stateDir, String kind) {
    try (AuditDatabase log = AuditDatabase.open(stateDir)) {
      return log.last(1, Optional.of(kind), record -> true).get(0).detail();
    }
  }

  private static final String JOINED =
      "INSERT INTO issuer_node (spiffe_id, attestation_type, node_id, ek_name, ak_name,"
          + " current_serial, current_expires_at, new_serial, new_expires_at, selectors, banned,"
          + " can_reattest, agent_version, attested_at) VALUES ('%s', 'join_token', '', '', '',"
          + " '7', 1, '', 0, x'', 0, 0, '', 1)";

  private static String agent(String token) {
    return "spiffe://test.example/spire/agent/join_token/" + token;
  }

  /** With two agents of join tokens and a role process, which is one too. */
  private void makeBackupWithJoined() throws Exception {
    try (SeraiHarness serai = issuer(state)) {
      ManagedChannel admin = admin(serai);
      String role =
          AgentGrpc.newBlockingStub(admin)
              .withDeadlineAfter(30, TimeUnit.SECONDS)
              .createJoinToken(
                  CreateJoinTokenRequest.newBuilder()
                      .setTtl(3600)
                      .setToken("role")
                      .setAgentId(id("/serai/verifier"))
                      .build())
              .getValue();
      assertThat(role).isEqualTo("role");
      admin.shutdownNow();
    }
    for (String token : List.of("stays", "goes", "role")) {
      change(state.resolve("serai.db"), JOINED.formatted(agent(token)));
    }
    make(state, backup);
  }

  @Test
  void an_agent_of_a_join_token_evicted_after_the_backup_stays_evicted() throws Exception {
    makeBackupWithJoined();
    String evict = "DELETE FROM issuer_node WHERE spiffe_id = '%s'";
    change(state.resolve("serai.db"), evict.formatted(agent("goes")));
    Restore.Done done = restore(state, true);
    assertThat(done.evicted()).containsExactly(agent("goes"));
    assertThat(done.joined()).containsExactly(agent("role"), agent("stays"));
    assertThat(StateDatabase.agents(state.resolve("serai.db")))
        .containsExactlyInAnyOrder(agent("role"), agent("stays"));
    assertThat(detail(state, "node.evicted")).contains("restore");
    // Once more over what the first restore made, which goes on from the same backup.
    change(state.resolve("serai.db"), evict.formatted(agent("role")));
    assertThat(restore(state, true).evicted()).containsExactly(agent("goes"), agent("role"));
    assertThat(wrong(state)).isEmpty();
  }

  @Test
  void where_evictions_are_not_known_only_role_processes_come_back_unless_told() throws Exception {
    makeBackupWithJoined();
    Restore.Done done = restore(dir.resolve("other"), false);
    assertThat(done.evicted()).containsExactly(agent("goes"), agent("stays"));
    assertThat(done.joined()).containsExactly(agent("role"));
    assertThat(
            restore(dir.resolve("more"), new Restore.Options(false, false, false, true)).evicted())
        .isEmpty();
    Path stranger = dir.resolve("stranger");
    try (SeraiHarness serai = issuer(stranger)) {
      assertThat(serai.port("serai.issuer.port")).isPositive();
    }
    assertThat(restore(stranger, true).joined())
        .as("a state that never had them")
        .containsExactly(agent("role"));
  }

  @Test
  void a_log_goes_on_from_a_backup_only_if_it_did_not_part_from_it_before_its_end() {
    var backup = new StateDatabase.Lineage(Map.of("a", 1L, "b", 50L), 80);
    assertThat(new StateDatabase.Lineage(Map.of("a", 1L, "b", 50L), 80).continues(backup)).isTrue();
    assertThat(new StateDatabase.Lineage(Map.of("a", 1L, "b", 50L, "c", 81L), 90).continues(backup))
        .isTrue();
    assertThat(new StateDatabase.Lineage(Map.of("a", 1L, "b", 50L), 79).continues(backup))
        .as("older")
        .isFalse();
    assertThat(new StateDatabase.Lineage(Map.of("a", 1L, "b", 50L, "c", 70L), 90).continues(backup))
        .as("restored from before it")
        .isFalse();
    assertThat(new StateDatabase.Lineage(Map.of("a", 1L, "c", 50L), 90).continues(backup))
        .isFalse();
    assertThat(StateDatabase.Lineage.NONE.continues(StateDatabase.Lineage.NONE)).isFalse();
  }

  private static void change(Path database, String... statements) throws Exception {
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + database);
        Statement statement = connection.createStatement()) {
      for (String one : statements) {
        statement.executeUpdate(one);
      }
    }
  }

  @Test
  void a_backup_that_was_cut_or_changed_is_refused_and_changes_nothing() throws Exception {
    makeBackup();
    byte[] whole = Files.readAllBytes(backup);
    byte[] database = Files.readAllBytes(state.resolve("serai.db"));
    Manifest manifest = archive().verify();
    int refused = 0;
    for (int i = 1; i <= 20; i++) {
      byte[] cut = java.util.Arrays.copyOf(whole, (int) ((long) whole.length * i / 21));
      Files.write(backup, cut);
      refused(ReasonCode.BACKUP_INVALID, () -> restore(state, true));
      byte[] flipped = whole.clone();
      flipped[(int) ((long) (whole.length / 2) * i / 20)] ^= 1;
      Files.write(backup, flipped);
      try {
        assertThat(archive().verify())
            .as("a bit that nothing reads, such as of a time in the archive")
            .isEqualTo(manifest);
      } catch (RefusalException e) {
        assertThat(e.reason().code()).isEqualTo(ReasonCode.BACKUP_INVALID);
        refused++;
      }
    }
    assertThat(refused).as("nearly all of it is read").isGreaterThan(12);
    assertThat(Files.readAllBytes(state.resolve("serai.db"))).isEqualTo(database);
    assertThat(Files.exists(state.resolve(Restore.STAGING))).isFalse();
  }

  @Test
  void a_sealed_backup_opens_for_its_holder_only_and_only_whole() throws Exception {
    makeBackup();
    Path passphrase = Files.writeString(dir.resolve("pass"), "correct horse battery\n");
    Path wrongOne = Files.writeString(dir.resolve("wrong"), "correct horse batterx\n");
    Path key = dir.resolve("key.pem");
    Path certificate = dir.resolve("cert.pem");
    openssl(
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=backup",
        "-keyout",
        key.toString(),
        "-out",
        certificate.toString());
    Path sealed = dir.resolve("sealed");
    Backup.make(
        state, sealed, Optional.of(certificate), Optional.of(passphrase), "test", Instant.now());
    assertThat(new BackupArchive(sealed, Optional.of(passphrase), Optional.empty()).verify())
        .isNotNull();
    assertThat(new BackupArchive(sealed, Optional.empty(), Optional.of(key)).verify()).isNotNull();
    refused(
        ReasonCode.BACKUP_INVALID,
        () -> new BackupArchive(sealed, Optional.empty(), Optional.empty()).verify());
    refused(
        ReasonCode.BACKUP_INVALID,
        () -> new BackupArchive(sealed, Optional.of(wrongOne), Optional.empty()).verify());
    Path opened = dir.resolve("opened.zip");
    openssl(
        "cms",
        "-decrypt",
        "-inform",
        "DER",
        "-in",
        sealed.toString(),
        "-inkey",
        key.toString(),
        "-recip",
        certificate.toString(),
        "-out",
        opened.toString());
    assertThat(new BackupArchive(opened, Optional.empty(), Optional.empty()).verify()).isNotNull();
    byte[] whole = Files.readAllBytes(sealed);
    for (int back : new int[] {8, 20, 40, 400, whole.length / 2}) {
      byte[] flipped = whole.clone();
      flipped[whole.length - back] ^= 1;
      Files.write(sealed, flipped);
      refused(
          ReasonCode.BACKUP_INVALID,
          () -> new BackupArchive(sealed, Optional.empty(), Optional.of(key)).verify());
    }
  }

  private static void openssl(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("openssl"));
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as("openssl " + arguments[0]).isZero();
  }

  @Test
  void a_restore_that_ends_anywhere_leaves_the_old_state_or_the_new_one() throws Exception {
    makeBackup();
    for (int moved = -1; moved <= StateFiles.ITEMS.size(); moved++) {
      Path target = dir.resolve("target" + moved);
      restore(target, false);
      Files.writeString(target.resolve("serai.db-wal"), "of the old database");
      if (moved < 0) {
        Files.createDirectories(target.resolve(Restore.STAGING).resolve("issuer"));
        Files.deleteIfExists(target.resolve("serai.db-wal"));
        Restore.finish(target);
        assertThat(kinds(target)).as("before the decision").contains("state.restored");
      } else {
        Restore.prepare(archive(), target, Restore.Options.NONE, Clock.systemUTC());
        Path ready = target.resolve(Restore.READY);
        for (String item : StateFiles.ITEMS.subList(0, moved)) {
          // As finish() does it; here it ends after this many.
          StateFiles.delete(target.resolve(item));
          if (Files.exists(ready.resolve(item))) {
            Files.move(ready.resolve(item), target.resolve(item), StandardCopyOption.ATOMIC_MOVE);
          }
        }
        if (moved > 0) {
          Files.createFile(ready.resolve("moving"));
        }
        if (moved == StateFiles.ITEMS.size()) {
          Files.deleteIfExists(target.resolve("serai.db-wal")); // went before the first move
        }
        Restore.finish(target);
        Restore.finish(target);
      }
      assertThat(wrong(target)).as("after %d moves", moved).isEmpty();
      assertThat(Backup.hasItsKeys(target.resolve("serai.db"), target)).isTrue();
      assertThat(Files.exists(target.resolve(Restore.READY))).isFalse();
    }
  }

  @Test
  void a_backup_of_a_log_that_was_cut_says_so_and_restores_only_when_told() throws Exception {
    makeBackup();
    Files.delete(backup);
    change(
        state.resolve("serai.db"),
        "DROP TRIGGER audit_record_stays",
        "DELETE FROM audit_record WHERE sequence > 5");
    make(state, backup);
    refused(ReasonCode.AUDIT_TRUNCATED, () -> archive().verify());
    Path other = dir.resolve("other");
    refused(ReasonCode.AUDIT_TRUNCATED, () -> restore(other, false));
    restore(other, new Restore.Options(false, true, false, false));
    assertThat(wrong(other)).contains(ReasonCode.AUDIT_TRUNCATED);
    try (SeraiHarness serai = issuer(other)) {
      assertThat(serai.port("serai.issuer.port")).isPositive();
    }
  }

  @Test
  void an_archive_with_a_path_that_leads_out_is_refused() throws Exception {
    for (String path :
        List.of("../x", "issuer/keys/../../x", "/etc/passwd", "agent/.x", "run/x", "agent/a/b")) {
      assertThat(StateFiles.isLawful(path)).as(path).isFalse();
    }
    assertThat(StateFiles.isLawful("agent/app-key.json")).isTrue();
  }
}
