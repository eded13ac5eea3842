package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.claims.Claims;
import dev.serai.issuing.AttestedNode.Appraised;
import dev.serai.issuing.AttestedNode.Certificate;
import dev.serai.location.Assurance;
import dev.serai.proto.spire.types.PermissionDeniedDetails;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.Database;
import dev.serai.store.DatabaseException;
import dev.serai.store.SqliteDatabase;
import dev.serai.testing.TestAudit;
import dev.serai.tpm.Bytes;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NodeStoreTest {
  private static final TrustDomain DOMAIN = TrustDomain.parse("test.example");
  private static final SpiffeId ID = DOMAIN.withPath("/spire/agent/unified_identity/n1");

  private static final AuditEvent EVENT =
      AuditEvent.of(AuditKind.AGENT_SVID_ISSUED, "spiffe://test.example/agent");

  @TempDir Path directory;
  private final HandClock clock = new HandClock();
  private SqliteDatabase database;
  private NodeStore nodes;

  @BeforeEach
  void open() {
    database = SqliteDatabase.open(directory.resolve("serai.db"));
    nodes = reopened();
  }

  @AfterEach
  void close() {
    database.close();
  }

  private NodeStore reopened() {
    return new NodeStore(
        database, TestAudit.of(database, directory), new ChangeFeed(clock), clock, Optional::empty);
  }

  /** Fails after what was written is on disk; then it cannot be read either, if so wanted. */
  private static final class LateFailure implements Database {
    private final Database real;
    private boolean failing;
    private boolean unreadable;

    LateFailure(Database real) {
      this.real = real;
    }

    @Override
    public <T> T read(Work<T> work) {
      if (unreadable) {
        throw new DatabaseException("planted: unreadable", null);
      }
      return real.read(work);
    }

    @Override
    public <T> T write(Work<T> work) {
      T answer = real.write(work);
      if (failing) {
        throw new DatabaseException("planted: after the commit", null);
      }
      return answer;
    }

    @Override
    public boolean isWriting() {
      return real.isWriting();
    }

    @Override
    public void afterCommit(Runnable action) {
      real.afterCommit(action);
    }

    @Override
    public void close() {
      real.close();
    }
  }

  @Test
  void a_ban_that_is_on_disk_counts_though_its_write_failed() {
    LateFailure late = new LateFailure(database);
    ChangeFeed feed = new ChangeFeed(clock);
    NodeStore store =
        new NodeStore(late, TestAudit.of(database, directory), feed, clock, Optional::empty);
    store.recordAttested(node(1), EVENT);
    late.failing = true;
    long revision = feed.revision();
    assertThatThrownBy(() -> store.banEk("000bee")).isInstanceOf(DatabaseException.class);
    assertThat(store.isEkBanned("000bee")).isTrue();
    assertThat(feed.revision()).as("its node is told").isGreaterThan(revision);
    assertThatThrownBy(() -> store.delete(ID)).isInstanceOf(DatabaseException.class);
    assertThat(store.find(ID)).isEmpty();
  }

  @Test
  void while_the_disk_cannot_say_what_became_of_a_write_nobody_is_admitted() {
    LateFailure late = new LateFailure(database);
    NodeStore store =
        new NodeStore(
            late, TestAudit.of(database, directory), new ChangeFeed(clock), clock, Optional::empty);
    store.recordAttested(node(1), EVENT);
    NodeGate gate = new NodeGate(store, clock, true);
    X509Certificate leaf = leaf(1);
    gate.admit(ID, leaf);
    late.failing = true;
    late.unreadable = true;
    assertThatThrownBy(() -> store.banEk("000bee")).isInstanceOf(DatabaseException.class);
    assertThatThrownBy(() -> gate.admit(ID, leaf)).isInstanceOf(DatabaseException.class);
    assertThatThrownBy(() -> store.isEkBanned("000baa")).isInstanceOf(DatabaseException.class);
    late.failing = false;
    late.unreadable = false;
    refuses(
        ReasonCode.NODE_BANNED,
        PermissionDeniedDetails.Reason.AGENT_BANNED,
        () -> gate.admit(ID, leaf));
  }

  private NodeGate gate() {
    return new NodeGate(nodes, clock, true);
  }

  private AttestedNode node(long serial) {
    return new AttestedNode(
        ID,
        "unified_identity",
        Optional.of(new Appraised("n1", "000bee", "000baa")),
        new Certificate(BigInteger.valueOf(serial), clock.instant().plusSeconds(3600)),
        Optional.empty(),
        Set.of(new Selector("a", "line\nbreak"), new Selector("b", "c:d")),
        false,
        true,
        "1.0",
        clock.instant());
  }

  private X509Certificate leaf(long serial) {
    KeyPair key = StockAgent.newKey();
    Certificates.Issuer issuer =
        new Certificates.Issuer(
            Bytes.copyOf(Der.sequence(Der.attribute("2.5.4.10", Der.UTF8_STRING, "Test"))),
            Bytes.copyOf(new byte[20]),
            dev.serai.signing.Signatures.fastest().signer(key.getPrivate()));
    return Certificates.decode(
        Certificates.leaf(
            issuer,
            new Certificates.Leaf(
                BigInteger.valueOf(serial),
                ID,
                List.of(),
                Bytes.copyOf(key.getPublic().getEncoded()),
                clock.instant(),
                clock.instant().plusSeconds(3600))));
  }

  private static void refuses(
      ReasonCode code, PermissionDeniedDetails.Reason details, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> {
              assertThat(e.reason().code()).isEqualTo(code);
              assertThat(e.answerDetail())
                  .contains(PermissionDeniedDetails.newBuilder().setReason(details).build());
            });
  }

  @Test
  void records_standings_and_bans_survive_a_restart() {
    nodes.recordAttested(node(1), EVENT);
    nodes.change(ID, n -> n.withFresh(new Certificate(BigInteger.TWO, clock.instant())));
    clock.advance(Duration.ofSeconds(1));
    nodes.apply(
        new NodeStanding(
            "n1",
            NodeStanding.State.UNTRUSTED,
            List.of(
                new Reason(ReasonCode.PCR_VALUE_NOT_ALLOWED, "sha256:7\nand more"),
                new Reason(ReasonCode.CLOCK_WENT_BACK, "")),
            clock.instant()));
    nodes.banEk("000bff");
    NodeStore after = reopened();
    assertThat(after.all()).isEqualTo(nodes.all()).hasSize(1);
    assertThat(after.standing("n1").orElseThrow().reasons())
        .containsExactly(
            new Reason(ReasonCode.PCR_VALUE_NOT_ALLOWED, "sha256:7 and more"),
            new Reason(ReasonCode.CLOCK_WENT_BACK, ""));
    assertThat(after.isEkBanned("000bff")).isTrue();
  }

  @Test
  void the_gate_lets_in_the_current_and_the_fresh_certificate_until_the_fresh_one_is_used() {
    nodes.recordAttested(node(1), EVENT);
    nodes.change(
        ID, n -> n.withFresh(new Certificate(BigInteger.TWO, clock.instant().plusSeconds(3600))));
    gate().admit(ID, leaf(1));
    assertThat(gate().admit(ID, leaf(2)).current().serial()).isEqualTo(BigInteger.TWO);
    nodes = reopened();
    gate().admit(ID, leaf(2));
    refuses(
        ReasonCode.NODE_NOT_ACTIVE,
        PermissionDeniedDetails.Reason.AGENT_NOT_ACTIVE,
        () -> gate().admit(ID, leaf(1)));
  }

  @Test
  void an_expired_certificate_is_named_as_such() {
    nodes.recordAttested(node(1), EVENT);
    X509Certificate leaf = leaf(1);
    clock.advance(Duration.ofHours(1));
    refuses(
        ReasonCode.NODE_EXPIRED,
        PermissionDeniedDetails.Reason.AGENT_EXPIRED,
        () -> gate().admit(ID, leaf));
  }

  @Test
  void a_rejection_stays_after_a_restart_until_the_node_attests() {
    nodes.recordAttested(node(1), EVENT);
    clock.advance(Duration.ofSeconds(1));
    nodes.apply(new NodeStanding("n1", NodeStanding.State.UNTRUSTED, List.of(), clock.instant()));
    nodes = reopened();
    refuses(
        ReasonCode.NODE_UNTRUSTED,
        PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST,
        () -> gate().admit(ID, leaf(1)));
    clock.advance(Duration.ofSeconds(1));
    nodes.recordAttested(node(2), EVENT);
    gate().admit(ID, leaf(2));
  }

  @Test
  void a_verdict_of_a_clock_that_was_ahead_hides_no_rejection() {
    nodes.recordAttested(node(1), EVENT);
    clock.advance(Duration.ofHours(1));
    nodes.apply(new NodeStanding("n1", NodeStanding.State.TRUSTED, List.of(), clock.instant()));
    clock.advance(Duration.ofMinutes(-59));
    nodes.apply(new NodeStanding("n1", NodeStanding.State.UNTRUSTED, List.of(), clock.instant()));
    refuses(
        ReasonCode.NODE_UNTRUSTED,
        PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST,
        () -> gate().admit(ID, leaf(1)));
  }

  @Test
  void a_banned_node_cannot_be_recorded_again() {
    nodes.recordAttested(node(1), EVENT);
    nodes.banEk("000bee");
    refuses(
        ReasonCode.NODE_BANNED,
        PermissionDeniedDetails.Reason.AGENT_BANNED,
        () -> nodes.recordAttested(node(2), EVENT));
    refuses(
        ReasonCode.NODE_BANNED,
        PermissionDeniedDetails.Reason.AGENT_BANNED,
        () -> gate().admit(ID, leaf(1)));
  }

  @Test
  void records_of_nodes_that_stayed_away_go_and_banned_ones_stay() {
    nodes.recordAttested(node(1), EVENT);
    Instant later = clock.instant().plusSeconds(3601);
    nodes.prune(clock.instant(), node -> false);
    assertThat(nodes.all()).hasSize(1);
    nodes.banEk("000bee");
    nodes.prune(later, node -> false);
    assertThat(nodes.all()).hasSize(1);
    nodes.unbanEk("000bee");
    nodes.prune(later, node -> false);
    assertThat(nodes.all()).isEmpty();
    assertThat(reopened().all()).isEmpty();
  }

  @Test
  void what_was_proven_of_a_node_is_there_after_a_restart_and_gone_with_it() {
    Claims.Geolocation place =
        new Claims.Geolocation(
            "mobile",
            Optional.of("madrid"),
            Optional.of(Assurance.GNSS),
            Optional.of(Instant.ofEpochSecond(1)),
            Optional.of(Instant.ofEpochSecond(2)),
            Optional.of("ab"),
            Optional.of(
                new Claims.Sensor(
                    "12d1:1433",
                    Optional.of("356345043865103"),
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty())));
    Claims claims =
        Claims.of(
            Optional.empty(),
            Optional.empty(),
            Optional.of(place),
            Optional.of(
                new Claims.MnoEndorsement(
                    true, "k", Optional.of(new Claims.SignedText("c2ln", "e30=")))));
    nodes.recordAttested(node(1).withClaims(claims), EVENT);
    nodes = reopened();
    assertThat(nodes.find(ID).orElseThrow().claims()).contains(claims);
    nodes.recordAttested(node(2), EVENT);
    assertThat(reopened().find(ID).orElseThrow().claims()).isEmpty();
    nodes.recordAttested(node(3).withClaims(claims), EVENT);
    nodes.delete(ID);
    nodes.recordAttested(node(4), EVENT);
    assertThat(reopened().find(ID).orElseThrow().claims()).isEmpty();
  }

  @Test
  void without_unified_identity_a_node_that_attested_with_its_tpm_is_refused() {
    nodes.recordAttested(node(1), EVENT);
    refuses(
        ReasonCode.FEATURE_OFF,
        PermissionDeniedDetails.Reason.AGENT_MUST_REATTEST,
        () -> new NodeGate(nodes, clock, false).admit(ID, leaf(1)));
  }
}
