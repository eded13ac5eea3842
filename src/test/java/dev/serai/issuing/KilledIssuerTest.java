package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jwt.SignedJWT;
import dev.serai.audit.Audit;
import dev.serai.audit.AuditDatabase;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.audit.ChainVerifier;
import dev.serai.issuing.AttestedNode.Certificate;
import dev.serai.proto.spire.types.Entry;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.Database;
import dev.serai.store.SqliteDatabase;
import dev.serai.testing.TestAudit;
import dev.serai.tpm.Bytes;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An issuer that dies by SIGKILL while it rotates, admits and registers goes on by itself. */
@Tag("slow")
class KilledIssuerTest {
  private static final TrustDomain DOMAIN = TrustDomain.parse("test.example");
  private static final int RUNS = 12;
  private static final Duration LIFE = Duration.ofMinutes(10);

  @TempDir Path directory;

  /** One issuer's parts over a directory. */
  private record Parts(
      Database database,
      Authority authority,
      NodeStore nodes,
      EntryStore entries,
      JoinTokens tokens,
      Audit audit)
      implements AutoCloseable {
    static Parts open(Path directory, InstantSource clock) {
      Database database = SqliteDatabase.open(directory.resolve("serai.db"));
      Audit audit = TestAudit.of(database, directory);
      ChangeFeed feed = new ChangeFeed(clock);
      return new Parts(
          database,
          Authority.open(
              DOMAIN,
              database,
              audit,
              new KeyFiles(directory.resolve("keys")),
              Signatures.fastest(),
              new RotationSchedule(LIFE, LIFE),
              clock),
          new NodeStore(database, audit, feed, clock, Optional::empty),
          new EntryStore(DOMAIN, database, audit, feed, clock),
          new JoinTokens(database, audit, clock),
          audit);
    }

    @Override
    public void close() {
      database.close();
    }
  }

  @Test
  void nothing_acknowledged_is_lost_and_nothing_is_given_twice() throws Exception {
    Random random = new Random(20261124);
    Instant now = Instant.parse("2026-11-24T00:00:00Z");
    List<String> said = new ArrayList<>();
    for (int run = 0; run < RUNS; run++) {
      List<String> lines = killedAfter(20 + random.nextInt(200), run, now);
      said.addAll(lines);
      for (String line : lines) {
        String[] words = line.split(" ");
        if (words[0].equals("now")) {
          now = Instant.parse(words[1]);
        }
      }
      Instant at = now;
      try (Parts after = Parts.open(directory, () -> at)) {
        check(after, lines);
      }
    }
    assertThat(said).hasSizeGreaterThan(RUNS * 20);
    try (Stream<Path> keys = Files.list(directory.resolve("keys"))) {
      assertThat(keys.count()).as("keys for the active and the next authorities").isBetween(2L, 4L);
    }
  }

  private void check(Parts after, List<String> lines) throws Exception {
    assertThat(after.audit().trouble()).isEmpty();
    Set<String> recorded = new HashSet<>();
    try (AuditDatabase log = AuditDatabase.open(directory)) {
      assertThat(new ChainVerifier(Optional.empty(), List.of()).verify(log).wrong()).isEmpty();
      log.last(Integer.MAX_VALUE, Optional.empty(), record -> true)
          .forEach(record -> recorded.add(record.kind() + " " + record.subject()));
    }
    for (String line : lines) {
      String[] words = line.split(" ");
      switch (words[0]) {
        case "issued" -> assertThat(recorded).contains("svid.issued " + words[1]);
        case "bundle" ->
            assertThat(after.authority().bundle().sequence())
                .isGreaterThanOrEqualTo(Long.parseLong(words[1]));
        case "admitted" -> assertThat(after.nodes().find(SpiffeId.parse(words[1]))).isPresent();
        case "registered" -> assertThat(after.entries().index().find(words[1])).isPresent();
        case "redeemed" ->
            assertThatThrownBy(() -> after.tokens().redeem(words[1]))
                .isInstanceOfSatisfying(
                    RefusalException.class,
                    e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.JOIN_TOKEN_UNKNOWN));
        default -> assertThat(words[0]).isEqualTo("now");
      }
    }
    X509Certificate leaf =
        Certificates.decode(
            new SvidMinter(after.authority(), InstantSource.fixed(Instant.now()))
                .mint(
                    DOMAIN.withPath("/w"),
                    List.of(),
                    Bytes.copyOf(StockAgent.newKey().getPublic().getEncoded()),
                    Duration.ofMinutes(1))
                .certificate());
    boolean verified = false;
    for (X509Certificate authority : after.authority().bundle().certificates()) {
      if (authority.getSubjectX500Principal().equals(leaf.getIssuerX500Principal())) {
        leaf.verify(authority.getPublicKey());
        verified = true;
      }
    }
    assertThat(verified).as("what signs is in the bundle").isTrue();
    AuthorityTest.verifies(
        after.authority().bundle(),
        SignedJWT.parse(
            new JwtSvidMinter(after.authority(), InstantSource.fixed(Instant.now()))
                .mint(
                    DOMAIN.withPath("/w"),
                    List.of("a"),
                    Instant.now().plusSeconds(60),
                    Optional.empty())
                .token()));
  }

  private List<String> killedAfter(int count, int run, Instant from) throws Exception {
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                Child.class.getName(),
                directory.toString(),
                Integer.toString(run),
                from.toString())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    List<String> lines = new ArrayList<>();
    try (BufferedReader out =
        new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
      String line;
      while ((line = out.readLine()) != null) {
        if (line.startsWith("said ") && line.endsWith(".")) {
          lines.add(line.substring(5, line.length() - 1));
        }
        if (lines.size() == count) {
          child.toHandle().destroyForcibly();
        }
      }
    } finally {
      child.destroyForcibly();
    }
    assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(child.exitValue()).isEqualTo(128 + 9);
    return lines;
  }

  /** The process that is killed: says each thing after it is done. */
  static final class Child {
    private Child() {}

    public static void main(String[] args) {
      Instant[] now = {Instant.parse(args[2])};
      InstantSource clock = () -> now[0];
      Parts parts = Parts.open(Path.of(args[0]), clock);
      for (int i = 0; ; i++) {
        now[0] = now[0].plusSeconds(37);
        say("now " + now[0]);
        parts.authority().rotate();
        say("bundle " + parts.authority().bundle().sequence());
        String name = args[1] + "-" + i;
        parts.tokens().create(Optional.of(name), Duration.ofHours(1));
        parts.tokens().redeem(name);
        say("redeemed " + name);
        SpiffeId id = DOMAIN.withPath("/spire/agent/join_token/" + name);
        parts
            .nodes()
            .recordAttested(
                node(id, now[0]),
                AuditEvent.of(AuditKind.AGENT_SVID_ISSUED, id.toString()).with("name", name));
        say("admitted " + id);
        SpiffeId workload = DOMAIN.withPath("/issued/" + name);
        parts.audit().append(AuditEvent.of(AuditKind.SVID_ISSUED, workload.toString()));
        say("issued " + workload);
        Entry.Builder entry =
            Entry.newBuilder()
                .setId("entry-" + name)
                .setSpiffeId(RegisteredEntry.message(DOMAIN.withPath("/w/" + name)))
                .setParentId(RegisteredEntry.message(id));
        entry.addSelectorsBuilder().setType("unix").setValue("uid:0");
        parts.entries().create(entry.build());
        say("registered entry-" + name);
      }
    }

    private static AttestedNode node(SpiffeId id, Instant now) {
      return new AttestedNode(
          id,
          "join_token",
          Optional.empty(),
          new Certificate(BigInteger.ONE, now.plusSeconds(3600)),
          Optional.empty(),
          Set.of(),
          false,
          false,
          "",
          now);
    }

    private static void say(String what) {
      System.out.println("said " + what + ".");
    }
  }
}
