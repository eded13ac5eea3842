package dev.serai.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.audit.AuditDatabase;
import dev.serai.audit.AuditRecord;
import dev.serai.audit.ChainVerifier;
import dev.serai.proto.serai.v1.ListNodesRequest;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryResponse;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.entry.v1.ListEntriesRequest;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.testing.SeraiChild;
import dev.serai.testing.SwTpm;
import io.grpc.ManagedChannel;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A backup of a process that is at work, killed afterwards, restored, at work again. */
@Tag("slow")
class BackupInFlightTest {
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  @TempDir Path dir;

  @Test
  void a_busy_process_is_backed_up_killed_and_restored_and_its_agent_carries_on() throws Exception {
    Path backup = dir.resolve("backup");
    Set<String> acknowledged = ConcurrentHashMap.newKeySet();
    Set<String> before;
    Path restored = dir.resolve("restored");
    try (SwTpm tpm = SwTpm.fresh();
        SeraiChild serai = new SeraiChild(dir).withTpm(tpm)) {
      serai.with("serai.verifier.interval", "1s").start();
      await().atMost(PATIENCE).until(() -> serai.get("/health/ready") == 200);
      ManagedChannel admin = SeraiChild.channel(serai.adminSocket());
      String agent = node(admin).getSpiffeId();
      AtomicBoolean goOn = new AtomicBoolean(true);
      Thread writer = new Thread(() -> createEntries(admin, agent, acknowledged, goOn), "writer");
      writer.start();
      // Each entry is of this user's, so the agent asks for an SVID for each of them.
      await().atMost(PATIENCE).until(() -> count(serai.stateDir(), "svid.issued") >= 10);
      before = new TreeSet<>(acknowledged);
      Manifest manifest =
          Backup.make(
              serai.stateDir(), backup, Optional.empty(), Optional.empty(), "test", Instant.now());
      assertThat(manifest.files())
          .extracting(Manifest.Item::path)
          .contains("serai.db", "audit-head")
          .anyMatch(path -> path.startsWith("issuer/keys/"))
          .anyMatch(path -> path.startsWith("agent/"));
      int then = acknowledged.size();
      await().atMost(PATIENCE).until(() -> acknowledged.size() > then);
      serai.kill();
      goOn.set(false);
      writer.join(60_000);
      admin.shutdownNow();

      new BackupArchive(backup, Optional.empty(), Optional.empty()).verify();
      Restore.run(
          new BackupArchive(backup, Optional.empty(), Optional.empty()),
          restored,
          Restore.Options.NONE,
          Clock.systemUTC());
      int issued = count(restored, "svid.issued"); // soon there may be no more to issue
      serai.with("serai.state-dir", restored.toString()).start();
      await().atMost(PATIENCE).until(() -> serai.get("/health/ready") == 200);
      ManagedChannel again = SeraiChild.channel(serai.adminSocket());
      await()
          .atMost(PATIENCE)
          .ignoreExceptions()
          .until(() -> node(again).getState().equals("TRUSTED"));
      assertThat(
              EntryGrpc.newBlockingStub(again)
                  .withDeadlineAfter(60, TimeUnit.SECONDS)
                  .listEntries(ListEntriesRequest.getDefaultInstance())
                  .getEntriesList())
          .extracting(Entry::getId)
          .containsAll(before);
      assertThat(node(again).getSpiffeId()).isEqualTo(agent);
      await().atMost(PATIENCE).until(() -> count(restored, "svid.issued") > issued);
      again.shutdownNow();
      serai.stop();
    }
    try (AuditDatabase log = AuditDatabase.open(restored)) {
      assertThat(new ChainVerifier(Optional.empty(), List.of()).verify(log).wrong()).isEmpty();
    }
    assertThat(before).isNotEmpty();
  }

  private static NodeView node(ManagedChannel admin) {
    return NodesGrpc.newBlockingStub(admin)
        .withDeadlineAfter(60, TimeUnit.SECONDS)
        .list(ListNodesRequest.getDefaultInstance())
        .getNodes(0);
  }

  private static int count(Path stateDir, String kind) {
    try (AuditDatabase log = AuditDatabase.open(stateDir)) {
      return (int)
          log.last(10_000, Optional.of(kind), record -> true).stream()
              .map(AuditRecord::sequence)
              .count();
    }
  }

  /** Until the process is gone or told to end; only what was answered counts. */
  private static void createEntries(
      ManagedChannel admin, String agent, Set<String> acknowledged, AtomicBoolean goOn) {
    long uid = new com.sun.security.auth.module.UnixSystem().getUid();
    for (int i = 0; goOn.get(); i++) {
      Entry entry =
          Entry.newBuilder()
              .setSpiffeId(id("/app/" + i))
              .setParentId(id(agent.replaceFirst("spiffe://[^/]+", "")))
              .addSelectors(Selector.newBuilder().setType("unix").setValue("uid:" + uid))
              .build();
      try {
        BatchCreateEntryResponse answer =
            EntryGrpc.newBlockingStub(admin)
                .withDeadlineAfter(60, TimeUnit.SECONDS)
                .batchCreateEntry(BatchCreateEntryRequest.newBuilder().addEntries(entry).build());
        if (answer.getResults(0).getStatus().getCode() == 0) {
          acknowledged.add(answer.getResults(0).getEntry().getId());
        }
      } catch (io.grpc.StatusRuntimeException e) {
        return; // killed: nothing was promised
      }
    }
  }

  private static SPIFFEID id(String path) {
    return SPIFFEID.newBuilder().setTrustDomain("child.test").setPath(path).build();
  }
}
