package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jwt.SignedJWT;
import dev.serai.audit.Audit;
import dev.serai.audit.AuditDatabase;
import dev.serai.claims.Claims;
import dev.serai.claims.Privacy;
import dev.serai.location.Assurance;
import dev.serai.proto.spire.svid.v1.NewJWTSVIDRequest;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.JWTSVID;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RateLimits;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.SqliteDatabase;
import dev.serai.testing.TestAudit;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who gets a token, what it says, and when it ends. */
class JwtSvidIssuanceTest {
  private static final TrustDomain DOMAIN = TrustDomain.parse("test.example");
  private static final SpiffeId AGENT = DOMAIN.withPath("/spire/agent/join_token/a");
  private static final Duration DEFAULT = Duration.ofMinutes(5);
  private static final int LIMIT = 40;

  @TempDir Path directory;
  private final HandClock clock = new HandClock();
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private SqliteDatabase database;
  private Authority authority;
  private EntryStore entries;
  private JwtSvidIssuance issuance;

  @BeforeEach
  void open() {
    database = SqliteDatabase.open(directory.resolve("serai.db"));
    Audit audit = TestAudit.of(database, directory);
    authority =
        Authority.open(
            DOMAIN,
            database,
            audit,
            new KeyFiles(directory.resolve("keys")),
            Signatures.fastest(),
            new RotationSchedule(Duration.ofHours(24), Duration.ofHours(24)),
            clock);
    entries = new EntryStore(DOMAIN, database, audit, new ChangeFeed(clock), clock);
    issuance =
        new JwtSvidIssuance(
            entries.index(),
            new JwtSvidMinter(authority, clock),
            TestClaims.composer(
                Privacy.STRICT,
                EntryLocationRules.parse(
                    "test",
                    """
                    {"entries":[
                      {"spiffe-id":"spiffe://test.example/pay","need":"required",
                       "regions":["madrid"]},
                      {"spiffe-id":"spiffe://test.example/quiet","need":"forbidden"}]}
                    """)),
            audit,
            new RateLimits("test", LIMIT, LIMIT, clock),
            DEFAULT,
            clock,
            meters);
  }

  @AfterEach
  void close() {
    database.close();
  }

  private String entry(String path, Entry settings) {
    Entry.Builder entry =
        settings.toBuilder()
            .setSpiffeId(RegisteredEntry.message(DOMAIN.withPath(path)))
            .setParentId(RegisteredEntry.message(AGENT));
    entry.addSelectorsBuilder().setType("unix").setValue("uid:1");
    return entries.create(entry.build()).entry().id();
  }

  private String entry(String path) {
    return entry(path, Entry.getDefaultInstance());
  }

  private AttestedNode node(SpiffeId id, Duration left, Optional<Claims> claims) {
    AttestedNode node =
        new AttestedNode(
            id,
            "join_token",
            Optional.empty(),
            new AttestedNode.Certificate(BigInteger.ONE, clock.instant().plus(left)),
            Optional.empty(),
            Set.of(),
            false,
            false,
            "",
            clock.instant());
    return claims.map(node::withClaims).orElse(node);
  }

  private AttestedNode node() {
    return node(AGENT, Duration.ofHours(1), Optional.empty());
  }

  private Claims located(String region, Duration left) {
    return Claims.of(
        Optional.empty(),
        Optional.empty(),
        Optional.of(
            new Claims.Geolocation(
                "mobile",
                Optional.of(region),
                Optional.of(Assurance.GNSS),
                Optional.of(clock.instant()),
                Optional.of(clock.instant().plus(left)),
                Optional.of("ab"),
                Optional.empty())),
        Optional.empty());
  }

  private JWTSVID issue(AttestedNode node, String entryId, String... audience) {
    return issuance
        .issue(
            new Caller.Agent(node, null, "192.0.2.1"),
            NewJWTSVIDRequest.newBuilder()
                .setEntryId(entryId)
                .addAllAudience(List.of(audience))
                .build())
        .getSvid();
  }

  private Duration life(JWTSVID svid) {
    return Duration.ofSeconds(svid.getExpiresAt() - svid.getIssuedAt());
  }

  private static void refuses(ReasonCode code, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            RefusalException.class, e -> assertThat(e.reason().code()).isEqualTo(code));
  }

  @Test
  void a_token_says_whose_it_is_for_whom_and_until_when_and_nothing_else() throws Exception {
    String id = entry("/web", Entry.newBuilder().setHint("inner").build());
    JWTSVID svid = issue(node(), id, "spiffe://test.example/db", "other", "other");
    SignedJWT token = SignedJWT.parse(svid.getToken());
    AuthorityTest.verifies(authority.bundle(), token);
    assertThat(token.getHeader().getAlgorithm()).isEqualTo(JWSAlgorithm.ES256);
    assertThat(token.getHeader().toJSONObject()).containsOnlyKeys("alg", "kid", "typ");
    assertThat(token.getHeader().getType().getType()).isEqualTo("JWT");
    assertThat(token.getPayload().toJSONObject()).containsOnlyKeys("sub", "aud", "exp", "iat");
    assertThat(token.getPayload().toJSONObject().get("aud"))
        .as("a list, each once")
        .isEqualTo(List.of("spiffe://test.example/db", "other"));
    assertThat(token.getJWTClaimsSet().getSubject()).isEqualTo("spiffe://test.example/web");
    assertThat(token.getJWTClaimsSet().getIssueTime().toInstant()).isEqualTo(clock.instant());
    assertThat(token.getJWTClaimsSet().getExpirationTime().toInstant())
        .isEqualTo(clock.instant().plus(DEFAULT));
    assertThat(svid.getIssuedAt()).isEqualTo(clock.instant().getEpochSecond());
    assertThat(life(svid)).isEqualTo(DEFAULT);
    assertThat(svid.getId().getPath()).isEqualTo("/web");
    assertThat(svid.getHint()).isEqualTo("inner");
    assertThat(meters.counter("serai.svids.issued", "kind", "jwt").count()).isEqualTo(1);
  }

  @Test
  void one_audience_is_a_list_too() throws Exception {
    SignedJWT token = SignedJWT.parse(issue(node(), entry("/web"), "a").getToken());
    assertThat(token.getPayload().toJSONObject().get("aud")).isEqualTo(List.of("a"));
  }

  @Test
  void an_entry_that_says_so_gets_tokens_with_an_id_each() throws Exception {
    Entry.Builder settings = Entry.newBuilder();
    settings.getAdditionalAttributesBuilder().setJwtSvidIncludeJti(true);
    String id = entry("/web", settings.build());
    String one = SignedJWT.parse(issue(node(), id, "a").getToken()).getJWTClaimsSet().getJWTID();
    String other = SignedJWT.parse(issue(node(), id, "a").getToken()).getJWTClaimsSet().getJWTID();
    assertThat(one).hasSizeGreaterThan(30).isNotEqualTo(other);
    try (AuditDatabase log = AuditDatabase.open(directory)) {
      assertThat(log.last(2, Optional.of("jwt-svid.issued"), record -> true))
          .anySatisfy(record -> assertThat(record.detail()).contains(one))
          .anySatisfy(record -> assertThat(record.detail()).contains(other));
    }
  }

  @Test
  void an_entry_may_say_how_long_its_tokens_live() {
    String id = entry("/web", Entry.newBuilder().setJwtSvidTtl(17).setX509SvidTtl(99).build());
    assertThat(life(issue(node(), id, "a"))).isEqualTo(Duration.ofSeconds(17));
  }

  @Test
  void a_token_ends_with_the_first_of_all_it_is_issued_on() {
    String longLived = entry("/long", Entry.newBuilder().setJwtSvidTtl(10_000_000).build());
    String short1 =
        entry(
            "/ends",
            Entry.newBuilder().setExpiresAt(clock.instant().getEpochSecond() + 40).build());
    AttestedNode node = node();
    assertThat(life(issue(node, longLived, "a"))).as("node's certificate").hasHours(1);
    assertThat(life(issue(node, short1, "a"))).as("entry").hasSeconds(40);
    AttestedNode madrid =
        node(AGENT, Duration.ofHours(1), Optional.of(located("madrid", Duration.ofSeconds(90))));
    assertThat(life(issue(madrid, longLived, "a"))).as("location").hasSeconds(90);
    assertThat(life(issue(madrid, entry("/quiet"), "a")))
        .as("a location that is not for this entry")
        .isEqualTo(DEFAULT);
    AttestedNode forever = node(AGENT, Duration.ofDays(400), Optional.empty());
    assertThat(Instant.ofEpochSecond(issue(forever, longLived, "a").getExpiresAt()))
        .as("authority")
        .isEqualTo(authority.activeJwt().notAfter());
  }

  @Test
  void there_is_no_token_that_ends_before_it_is_read() {
    String id = entry("/web");
    refuses(
        ReasonCode.NODE_EXPIRED,
        () -> issue(node(AGENT, Duration.ofMillis(900), Optional.empty()), id, "a"));
  }

  @Test
  void an_entry_that_needs_a_location_is_given_tokens_only_with_one_that_meets_its_rule() {
    String id = entry("/pay");
    Duration hour = Duration.ofHours(1);
    assertThat(life(issue(node(AGENT, hour, Optional.of(located("madrid", hour))), id, "a")))
        .isEqualTo(DEFAULT);
    refuses(ReasonCode.LOCATION_MISSING, () -> issue(node(), id, "a"));
    refuses(
        ReasonCode.LOCATION_OUTSIDE,
        () -> issue(node(AGENT, hour, Optional.of(located("paris", hour))), id, "a"));
    refuses(
        ReasonCode.LOCATION_MISSING,
        () ->
            issue(
                node(AGENT, hour, Optional.of(located("madrid", Duration.ofSeconds(5)))), id, "a"));
  }

  @Test
  void a_node_gets_tokens_for_its_own_living_entries_only() {
    String id =
        entry(
            "/web", Entry.newBuilder().setExpiresAt(clock.instant().getEpochSecond() + 10).build());
    AttestedNode other =
        node(DOMAIN.withPath("/spire/agent/join_token/b"), Duration.ofHours(1), Optional.empty());
    refuses(ReasonCode.ENTRY_UNKNOWN, () -> issue(other, id, "a"));
    refuses(ReasonCode.ENTRY_UNKNOWN, () -> issue(node(), "no-such-entry", "a"));
    assertThat(life(issue(node(), id, "a"))).hasSeconds(10);
    clock.advance(Duration.ofSeconds(10));
    refuses(ReasonCode.ENTRY_UNKNOWN, () -> issue(node(), id, "a"));
    entries.delete(id);
    refuses(ReasonCode.ENTRY_UNKNOWN, () -> issue(node(), id, "a"));
  }

  @Test
  void a_request_that_is_none_is_refused_before_anything_is_looked_up() {
    String id = entry("/web");
    String[] many =
        IntStream.rangeClosed(0, JwtSvidIssuance.MAX_AUDIENCES)
            .mapToObj(Integer::toString)
            .toArray(String[]::new);
    for (ThrowingCallable bad :
        List.<ThrowingCallable>of(
            () -> issue(node(), "", "a"),
            () -> issue(node(), id),
            () -> issue(node(), id, ""),
            () -> issue(node(), id, "a", " "),
            () -> issue(node(), id, many),
            () -> issue(node(), id, "é".repeat(JwtSvidIssuance.MAX_AUDIENCE_BYTES / 2) + "a"))) {
      refuses(ReasonCode.MALFORMED_REQUEST, bad);
    }
    assertThat(issue(node(), id, "é".repeat(JwtSvidIssuance.MAX_AUDIENCE_BYTES / 2)).getToken())
        .isNotEmpty();
  }

  @Test
  void more_than_its_share_a_peer_does_not_get() {
    String id = entry("/web");
    for (int i = 0; i < LIMIT; i++) {
      issue(node(), id, "a");
    }
    refuses(ReasonCode.RATE_LIMITED, () -> issue(node(), id, "a"));
    clock.advance(Duration.ofSeconds(1));
    issue(node(), id, "a");
  }

  @Test
  void without_an_authority_that_may_sign_now_there_is_no_token() {
    String id = entry("/web");
    clock.advance(Duration.ofHours(25));
    refuses(ReasonCode.AUTHORITY_UNAVAILABLE, () -> issue(node(), id, "a"));
    authority.rotate();
    issue(node(), id, "a");
  }

  @Test
  void a_token_leaves_with_its_record_or_not_at_all_and_the_record_is_not_the_token()
      throws Exception {
    String id = entry("/web");
    JWTSVID svid = issue(node(), id, "spiffe://test.example/db");
    try (AuditDatabase log = AuditDatabase.open(directory)) {
      var records = log.last(10, Optional.of("jwt-svid.issued"), record -> true);
      assertThat(records).hasSize(1);
      assertThat(records.get(0).subject()).isEqualTo("spiffe://test.example/web");
      assertThat(records.get(0).detail())
          .contains(id, "spiffe://test.example/db", authority.activeJwt().keyId())
          .contains("notAfter", "node");
      for (String part : svid.getToken().split("\\.")) {
        assertThat(records.get(0).toString()).doesNotContain(part);
      }
    }
    database.close();
    refuses(ReasonCode.AUDIT_UNAVAILABLE, () -> issue(node(), id, "a"));
  }

  @Test
  void a_token_prints_nowhere() {
    JwtSvidMinter.Minted minted =
        new JwtSvidMinter(authority, clock)
            .mint(
                DOMAIN.withPath("/web"),
                List.of("a"),
                clock.instant().plusSeconds(60),
                Optional.empty());
    assertThat(minted.toString()).contains("/web").doesNotContain(minted.token().substring(0, 20));
    assertThat(minted.event().toString()).doesNotContain(minted.token().substring(0, 20));
  }
}
