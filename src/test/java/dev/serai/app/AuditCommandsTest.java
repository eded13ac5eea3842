package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.agent.AgentStatus;
import dev.serai.app.CommandLineTest.Called;
import dev.serai.audit.AuditDatabase;
import dev.serai.audit.AuditRecord;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The audit log of a process with all roles, from the command line. */
@Tag("slow")
class AuditCommandsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  @TempDir Path dir;

  private static Called call(Path state, String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.add("--state-dir");
    all.add(state.toString());
    return CommandLineTest.call(all.toArray(String[]::new));
  }

  private static JsonNode json(Called called) throws Exception {
    assertThat(called.exit()).as(called.err()).isZero();
    return JSON.readTree(called.out());
  }

  private static List<String> kinds(Path state) {
    try (AuditDatabase log = AuditDatabase.open(state)) {
      return log.last(10_000, Optional.empty(), record -> true).stream()
          .map(AuditRecord::kind)
          .toList();
    }
  }

  @Test
  void all_that_happened_is_listed_verified_with_the_tpm_exported_and_backed_up() throws Exception {
    Path state = dir.resolve("state");
    Path trust = Files.createDirectories(dir.resolve("ek"));
    Files.write(trust.resolve("ca.der"), SwTpm.ekCa().getEncoded());
    Path backup = dir.resolve("backup");
    try (SwTpm tpm = SwTpm.fresh();
        SeraiHarness serai =
            SeraiHarness.roles("issuer", "registrar", "verifier", "agent")
                .withStateDir(state)
                .with("serai.tpm.tcti", tpm.tcti())
                .with("serai.tpm.allow-software", "true")
                .with("serai.registrar.ek-trust-dir", trust.toString())
                .with("serai.verifier.policy", "builtin:demo")
                .with("serai.verifier.interval", "1s")
                .with("serai.audit.tick", "300ms")
                .with("serai.audit.checkpoint-interval", "1s")
                .start()) {
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(kinds(state))
                      .contains(
                          "audit.begun",
                          "process.started",
                          "policy.loaded",
                          "authority.prepared",
                          "authority.activated",
                          "role-svid.issued",
                          "ek.enrolled",
                          "ek.activated",
                          "attestation.verdict",
                          "agent-svid.issued",
                          "watch.verdict",
                          "node.state",
                          "audit.checkpoint"));
      String node = serai.bean("agentStatus", AgentStatus.class).nodeId().orElseThrow();
      CommandLineTest.call(
          "node", "ban", node, "--socket", serai.setting("serai.issuer.admin-socket"));
      assertThat(
              json(call(state, "backup", "--out", backup.toString(), "--json"))
                  .path("files")
                  .asInt())
          .isPositive();
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(kinds(state)).contains("backup.made"));
      JsonNode banned = json(call(state, "audit", "list", "--kind", "node.banned", "--json"));
      assertThat(banned.findValuesAsText("actor")).allMatch(actor -> actor.startsWith("uid:"));
      assertThat(banned.findValuesAsText("subject")).anyMatch(id -> id.contains(node));
      assertThat(call(state, "audit", "list", "--limit", "3", "--since", "1h").out().lines())
          .hasSize(4);
      assertThat(call(state, "audit", "list", "--kind", "no.such").exit()).isEqualTo(2);

      JsonNode verified = json(call(state, "audit", "verify", "--json"));
      assertThat(verified.path("intact").asBoolean()).isTrue();
      assertThat(verified.path("signed").asInt()).isPositive();
      String ak = verified.path("signers").get(0).asText();
      assertThat(json(call(state, "audit", "verify", "--ak", ak, "--json")).path("signed").asInt())
          .isPositive();
      JsonNode nodes =
          JSON.readTree(
              CommandLineTest.call(
                      "node",
                      "list",
                      "--json",
                      "--socket",
                      serai.setting("serai.issuer.admin-socket"))
                  .out());
      assertThat(nodes.findValuesAsText("akName")).as("the enrolled key").contains(ak);
    }
    assertThat(kinds(state)).contains("process.stopped");
    Path export = dir.resolve("export.jsonl");
    assertThat(call(state, "audit", "export", "--out", export.toString()).exit()).isZero();
    assertThat(call(state, "audit", "verify", "--file", export.toString()).exit()).isZero();
    assertThat(call(state, "audit", "verify", "--ak", "000b" + "00".repeat(32)).err())
        .startsWith("serai: AUDIT_CHAIN_BROKEN: ");
    forgeCheckpoint(state);
    Called forged = call(state, "audit", "verify");
    assertThat(forged.exit()).isEqualTo(1);
    assertThat(forged.err()).startsWith("serai: AUDIT_CHAIN_BROKEN: ").contains("signature");

    Called verifiedBackup = CommandLineTest.call("backup", "verify", backup.toString());
    assertThat(verifiedBackup.exit()).as(verifiedBackup.err()).isZero();
    Called onto = call(state, "restore", "--from", backup.toString());
    assertThat(onto.exit()).isEqualTo(1);
    assertThat(onto.err()).startsWith("serai: STATE_NOT_EMPTY: ");
    Path other = dir.resolve("other");
    assertThat(call(other, "restore", "--from", backup.toString()).exit()).isZero();
    assertThat(call(other, "audit", "verify").exit()).isZero();
  }

  /** The same quote said to be over another record. */
  private static void forgeCheckpoint(Path state) throws Exception {
    try (var connection = DriverManager.getConnection("jdbc:sqlite:" + state.resolve("serai.db"));
        var statement = connection.createStatement()) {
      assertThat(
              statement.executeUpdate(
                  "INSERT INTO audit_checkpoint SELECT 2, chain_id, (SELECT hash FROM audit_record"
                      + " WHERE sequence = 2), at, 0, statement, signature, ak FROM"
                      + " audit_checkpoint WHERE statement IS NOT NULL LIMIT 1"))
          .isEqualTo(1);
    }
  }
}
