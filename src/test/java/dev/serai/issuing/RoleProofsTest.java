package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.serai.audit.Audit;
import dev.serai.audit.AuditDatabase;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.claims.Privacy;
import dev.serai.issuing.AttestedNode.Appraised;
import dev.serai.issuing.AttestedNode.Certificate;
import dev.serai.net.RoleProofMessage;
import dev.serai.proto.serai.v1.AttestationChallenge;
import dev.serai.proto.serai.v1.RoleProof;
import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.proto.spire.types.Entry;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RateLimits;
import dev.serai.signing.SignatureAlgorithm;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.SqliteDatabase;
import dev.serai.testing.TestAudit;
import dev.serai.tpm.Bytes;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whom the issuer takes for the role process it was, step by step. */
class RoleProofsTest {
  private static final TrustDomain DOMAIN = TrustDomain.parse("test.example");
  private static final Duration LIFE = Duration.ofHours(1);
  private static final Duration GRACE = Duration.ofDays(30);
  private static final Signatures SIGNATURES = Signatures.fastest();

  @TempDir Path directory;
  private final HandClock clock = new HandClock();
  private SqliteDatabase database;
  private Authority authority;
  private EntryStore entries;
  private NodeStore nodes;
  private JoinTokens tokens;
  private Challenges challenges;
  private Attestation attestation;
  private AttestationOpening opening;
  private AgentAdministration administration;
  private NodeGate gate;
  private RoleProofs roles;

  @BeforeEach
  void open() {
    database = SqliteDatabase.open(directory.resolve("serai.db"));
    Audit audit = TestAudit.of(database, directory);
    ChangeFeed feed = new ChangeFeed(clock);
    entries = new EntryStore(DOMAIN, database, audit, feed, clock);
    nodes = new NodeStore(database, audit, feed, clock, Optional::empty);
    tokens = new JoinTokens(database, audit, clock);
    challenges = new Challenges(database, Duration.ofSeconds(60), clock);
    authority =
        Authority.open(
            DOMAIN,
            database,
            audit,
            new KeyFiles(directory.resolve("keys")),
            SIGNATURES,
            new RotationSchedule(Duration.ofDays(3650), LIFE),
            clock);
    SvidMinter minter = new SvidMinter(authority, clock);
    SimpleMeterRegistry meters = new SimpleMeterRegistry();
    attestation =
        new Attestation(
            DOMAIN,
            challenges,
            tokens,
            nodes,
            minter,
            PcrSetting.parse("sha256:7"),
            true,
            TestClaims.composer(Privacy.STRICT),
            LIFE,
            clock,
            meters);
    opening = new AttestationOpening(SIGNATURES, new RateLimits("tries", 1000, 1000, clock), true);
    administration = new AgentAdministration(DOMAIN, nodes, tokens, entries);
    gate = new NodeGate(nodes, clock, true);
    roles =
        new RoleProofs(
            challenges,
            nodes,
            entries.index(),
            minter,
            SIGNATURES,
            new RoleProofs.Lives(LIFE, GRACE),
            clock,
            meters);
  }

  @AfterEach
  void close() {
    database.close();
  }

  private static void refuses(ReasonCode code, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            RefusalException.class, e -> assertThat(e.reason().code()).isEqualTo(code));
  }

  private static SpiffeId agent(String token) {
    return DOMAIN.withPath("/spire/agent/join_token/" + token);
  }

  private AttestationConversation conversation(String type, String payload, KeyPair next) {
    Map<String, Object> stream = new HashMap<>();
    opening.read(
        new Caller.Anybody("here"), StockAgent.params(type, payload, StockAgent.csr(next)), stream);
    return AttestationConversation.of(stream).orElseThrow();
  }

  /** An agent that came with a token, and its key. */
  private KeyPair admitted(String token) {
    KeyPair key = StockAgent.newKey();
    tokens.create(Optional.of(token), LIFE);
    attestation.record(attestation.issueForToken(conversation("join_token", token, key)));
    return key;
  }

  private KeyPair verifier(String token) {
    Entry.Builder entry =
        Entry.newBuilder()
            .setSpiffeId(RegisteredEntry.message(DOMAIN.withPath("/serai/verifier")))
            .setParentId(RegisteredEntry.message(agent(token)));
    entry.addSelectorsBuilder().setType("spiffe_id").setValue(agent(token).toString());
    entries.create(entry.build());
    return admitted(token);
  }

  /** One stream on which a role process asked for a challenge. */
  private final class Stream {
    final SpiffeId id;
    final AttestationConversation open;
    final Bytes nonce;

    Stream(SpiffeId id, KeyPair next) throws Exception {
      this.id = id;
      this.open = conversation("serai_role", id.toString(), next);
      this.nonce =
          Bytes.copyOf(
              AttestationChallenge.parseFrom(attestation.challenge(open).getChallenge())
                  .getNonce()
                  .toByteArray());
    }

    Bytes answer(KeyPair key) {
      return answer(nonce, key, key);
    }

    Bytes answer(Bytes saidNonce, KeyPair shown, KeyPair signing) {
      return proof(saidNonce, shown, signing, RoleProofMessage.of(id, nonce, open.csr()));
    }
  }

  private static Bytes proof(Bytes nonce, KeyPair shown, KeyPair signing, Bytes message) {
    return Bytes.copyOf(
        RoleProof.newBuilder()
            .setNonce(ByteString.copyFrom(nonce.toArray()))
            .setPublicKey(ByteString.copyFrom(shown.getPublic().getEncoded()))
            .setSignature(
                ByteString.copyFrom(
                    SIGNATURES
                        .signer(signing.getPrivate())
                        .sign(SignatureAlgorithm.ECDSA_SHA256_DER, message)
                        .toArray()))
            .build()
            .toByteArray());
  }

  /** The whole conversation of a process with this key; the key of its new certificate. */
  private KeyPair comeBack(SpiffeId id, KeyPair key) throws Exception {
    KeyPair next = StockAgent.newKey();
    come(id, key, next);
    return next;
  }

  private Attestation.Issued come(SpiffeId id, KeyPair key, KeyPair next) throws Exception {
    Stream stream = new Stream(id, next);
    return roles.record(roles.check(stream.open, stream.answer(key)));
  }

  private void use(Attestation.Issued issued) {
    gate.admit(issued.node().id(), Certificates.decode(issued.svid().certificate()));
  }

  @Test
  void an_identity_that_ended_comes_back_by_its_key_alone() throws Exception {
    KeyPair key = verifier("a");
    SpiffeId id = agent("a");
    clock.advance(Duration.ofHours(26));
    KeyPair next = StockAgent.newKey();
    Attestation.Issued issued = come(id, key, next);
    assertThat(issued.svid().notAfter()).isEqualTo(clock.instant().plus(LIFE));
    assertThat(issued.node().attestationType()).isEqualTo("join_token");
    use(issued);
    assertThat(nodes.find(id).orElseThrow().mayHold(Certificate.keyOf(info(next)))).isTrue();
    try (AuditDatabase log = AuditDatabase.open(directory)) {
      assertThat(log.last(1, Optional.empty(), record -> true).toString())
          .contains("agent-svid.issued", "serai_role");
    }
  }

  private static Bytes info(KeyPair key) {
    return Bytes.copyOf(key.getPublic().getEncoded());
  }

  @Test
  void clocks_that_go_back_and_forth_keep_nobody_out() throws Exception {
    KeyPair key = verifier("a");
    for (long hours : new long[] {24, -24, -24, 48, -1, 1}) {
      clock.advance(Duration.ofHours(hours));
      authority.rotate();
      KeyPair next = StockAgent.newKey();
      use(come(agent("a"), key, next));
      key = next;
    }
  }

  @Test
  void an_evicted_one_stays_out_also_when_it_was_evicted_meanwhile() throws Exception {
    KeyPair key = verifier("a");
    Stream meanwhile = new Stream(agent("a"), StockAgent.newKey());
    RoleProofs.Proven judged = roles.check(meanwhile.open, meanwhile.answer(key));
    administration.evict(agent("a"));
    refuses(ReasonCode.ROLE_KEY_UNKNOWN, () -> roles.record(judged));
    refuses(ReasonCode.ROLE_KEY_UNKNOWN, () -> comeBack(agent("a"), key));
    assertThat(nodes.find(agent("a"))).isEmpty();
  }

  @Test
  void a_banned_one_stays_out_also_when_it_was_banned_meanwhile() throws Exception {
    KeyPair key = verifier("a");
    Stream meanwhile = new Stream(agent("a"), StockAgent.newKey());
    RoleProofs.Proven judged = roles.check(meanwhile.open, meanwhile.answer(key));
    administration.ban(agent("a"));
    refuses(ReasonCode.NODE_BANNED, () -> roles.record(judged));
    refuses(ReasonCode.NODE_BANNED, () -> comeBack(agent("a"), key));
  }

  @Test
  void another_key_another_node_or_no_node_is_refused_alike() throws Exception {
    KeyPair key = verifier("a");
    KeyPair other = verifier("b");
    refuses(ReasonCode.ROLE_KEY_UNKNOWN, () -> comeBack(agent("a"), StockAgent.newKey()));
    refuses(ReasonCode.ROLE_KEY_UNKNOWN, () -> comeBack(agent("a"), other));
    refuses(ReasonCode.ROLE_KEY_UNKNOWN, () -> comeBack(agent("b"), key));
    refuses(ReasonCode.ROLE_KEY_UNKNOWN, () -> comeBack(agent("c"), key));
    comeBack(agent("a"), key);
    comeBack(agent("b"), other);
  }

  @Test
  void the_signature_is_by_that_key_over_this_challenge_this_request_and_this_name()
      throws Exception {
    KeyPair key = verifier("a");
    Stream forged = new Stream(agent("a"), StockAgent.newKey());
    refuses(
        ReasonCode.ROLE_PROOF_INVALID,
        () -> roles.check(forged.open, forged.answer(forged.nonce, key, StockAgent.newKey())));
    Stream other = new Stream(agent("a"), StockAgent.newKey());
    for (int field = 0; field < 3; field++) {
      Stream here = new Stream(agent("a"), StockAgent.newKey());
      Bytes message =
          RoleProofMessage.of(
              field == 0 ? agent("b") : here.id,
              field == 1 ? other.nonce : here.nonce,
              field == 2 ? other.open.csr() : here.open.csr());
      refuses(
          ReasonCode.ROLE_PROOF_INVALID,
          () -> roles.check(here.open, proof(here.nonce, key, key, message)));
    }
  }

  @Test
  void an_answer_is_good_once_in_time_on_its_stream() throws Exception {
    KeyPair key = verifier("a");
    Stream first = new Stream(agent("a"), StockAgent.newKey());
    Bytes answer = first.answer(key);
    roles.record(roles.check(first.open, answer));
    refuses(ReasonCode.NONCE_USED, () -> roles.check(first.open, answer));
    Stream second = new Stream(agent("a"), StockAgent.newKey());
    refuses(ReasonCode.NONCE_USED, () -> roles.check(second.open, answer));
    Stream third = new Stream(agent("a"), StockAgent.newKey());
    refuses(ReasonCode.NONCE_FOREIGN, () -> roles.check(second.open, third.answer(key)));
    refuses(
        ReasonCode.NONCE_UNKNOWN,
        () -> roles.check(second.open, second.answer(Bytes.copyOf(new byte[32]), key, key)));
    for (int length : new int[] {0, 31, 33}) {
      refuses(
          ReasonCode.NONCE_MISSING,
          () -> roles.check(second.open, second.answer(Bytes.copyOf(new byte[length]), key, key)));
    }
    clock.advance(Duration.ofSeconds(60));
    refuses(ReasonCode.NONCE_EXPIRED, () -> roles.check(second.open, second.answer(key)));
  }

  @Test
  void a_stream_takes_one_answer_and_one_of_a_token_takes_none() {
    Map<String, Object> stream = new HashMap<>();
    Caller here = new Caller.Anybody("here");
    AttestAgentRequest answer =
        AttestAgentRequest.newBuilder().setChallengeResponse(ByteString.EMPTY).build();
    refuses(ReasonCode.MALFORMED_REQUEST, () -> opening.read(here, answer, stream));
    assertThat(
            opening.read(
                here,
                StockAgent.params(
                    "serai_role", agent("a").toString(), StockAgent.csr(StockAgent.newKey())),
                stream))
        .isEqualTo(AttestationOpening.Step.CHALLENGE);
    assertThat(opening.read(here, answer, stream)).isEqualTo(AttestationOpening.Step.ROLE_PROOF);
    refuses(ReasonCode.MALFORMED_REQUEST, () -> opening.read(here, answer, stream));
  }

  @Test
  void what_is_no_proof_or_no_name_is_malformed() throws Exception {
    Stream stream = new Stream(agent("a"), StockAgent.newKey());
    refuses(
        ReasonCode.MALFORMED_REQUEST, () -> roles.check(stream.open, Bytes.ofText("no message")));
    AttestationConversation nameless = conversation("serai_role", "verifier", StockAgent.newKey());
    refuses(
        ReasonCode.MALFORMED_REQUEST, () -> roles.judge(nameless, RoleProof.getDefaultInstance()));
  }

  @Test
  void an_agent_without_a_role_gets_nothing_and_one_whose_entry_went_nothing_more()
      throws Exception {
    KeyPair plain = admitted("plain");
    refuses(ReasonCode.ROLE_ENTRY_MISSING, () -> comeBack(agent("plain"), plain));
    KeyPair key = comeBack(agent("a"), verifier("a"));
    entries.index().all().stream().map(RegisteredEntry::id).toList().forEach(entries::delete);
    refuses(ReasonCode.ROLE_ENTRY_MISSING, () -> comeBack(agent("a"), key));
  }

  @Test
  void a_node_with_a_tpm_attests_with_that() {
    KeyPair key = StockAgent.newKey();
    SpiffeId id = DOMAIN.withPath("/spire/agent/unified_identity/n");
    nodes.recordAttested(
        new AttestedNode(
            id,
            "unified_identity",
            Optional.of(new Appraised("n", "ek", "ak")),
            new Certificate(
                BigInteger.ONE, clock.instant().plus(LIFE), Certificate.keyOf(info(key))),
            Optional.empty(),
            Set.of(),
            false,
            true,
            "",
            clock.instant()),
        AuditEvent.of(AuditKind.AGENT_SVID_ISSUED, id.toString()));
    refuses(ReasonCode.ROLE_KEY_UNKNOWN, () -> comeBack(id, key));
  }

  @Test
  void it_may_be_away_for_the_grace_and_no_longer() throws Exception {
    KeyPair key = verifier("a");
    clock.advance(LIFE.plus(GRACE).plusSeconds(1));
    refuses(ReasonCode.ROLE_AWAY_TOO_LONG, () -> comeBack(agent("a"), key));
    clock.advance(Duration.ofSeconds(-1)); // a clock that was ahead is mended
    comeBack(agent("a"), key);
  }

  @Test
  void an_answer_that_got_lost_costs_nothing_and_the_key_before_ends_with_the_use_of_the_next()
      throws Exception {
    KeyPair key = verifier("a");
    comeBack(agent("a"), key); // and the process died before it had the answer
    KeyPair next = StockAgent.newKey();
    Attestation.Issued issued = come(agent("a"), key, next);
    comeBack(agent("a"), next); // kept, never used; the answer got lost again
    KeyPair last = StockAgent.newKey();
    use(come(agent("a"), next, last));
    refuses(ReasonCode.ROLE_KEY_UNKNOWN, () -> comeBack(agent("a"), key));
    refuses(ReasonCode.ROLE_KEY_UNKNOWN, () -> comeBack(agent("a"), next));
    refuses(ReasonCode.NODE_NOT_ACTIVE, () -> use(issued));
    comeBack(agent("a"), last);
  }

  @Test
  void a_call_that_is_overtaken_by_the_next_one_keeps_nobody_out() throws Exception {
    KeyPair key = verifier("a");
    Stream slow = new Stream(agent("a"), StockAgent.newKey());
    RoleProofs.Proven late = roles.check(slow.open, slow.answer(key));
    KeyPair kept = comeBack(agent("a"), key);
    roles.record(late); // the process has given that call up, and has kept the key of the next
    for (int more = 0; more < 7; more++) {
      comeBack(agent("a"), key);
    }
    use(come(agent("a"), kept, StockAgent.newKey()));
    refuses(ReasonCode.ROLE_KEY_UNKNOWN, () -> comeBack(agent("a"), key));
  }

  @Test
  void keys_are_known_after_a_restart_of_the_issuer() throws Exception {
    KeyPair current = verifier("a");
    KeyPair earlier = comeBack(agent("a"), current);
    KeyPair fresh = comeBack(agent("a"), current);
    database.close();
    open();
    comeBack(agent("a"), current);
    comeBack(agent("a"), earlier);
    comeBack(agent("a"), fresh);
  }

  @Test
  void its_record_stays_however_long_it_is_away_while_its_entry_is_there() throws Exception {
    KeyPair key = verifier("a");
    admitted("plain");
    clock.advance(Duration.ofDays(365)); // a clock may say so for a moment
    nodes.prune(clock.instant(), roles::isRoleProcess);
    assertThat(nodes.find(agent("plain"))).isEmpty();
    clock.advance(Duration.ofDays(-365));
    comeBack(agent("a"), key);
    entries.index().all().stream().map(RegisteredEntry::id).toList().forEach(entries::delete);
    nodes.prune(clock.instant().plus(Duration.ofDays(1)), roles::isRoleProcess);
    assertThat(nodes.find(agent("a"))).isEmpty();
  }
}
