package dev.serai.issuing;

import static dev.serai.fuzz.Fuzzed.check;
import static dev.serai.fuzz.Fuzzed.same;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.nimbusds.jwt.SignedJWT;
import dev.serai.appraisal.AppraisalRequest;
import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.fuzz.Fuzzed;
import dev.serai.fuzz.Seeds;
import dev.serai.net.RoleProofMessage;
import dev.serai.proto.serai.v1.ReportRequest;
import dev.serai.proto.serai.v1.RoleProof;
import dev.serai.proto.serai.v1.StateReason;
import dev.serai.proto.spire.agent.v1.AgentX509SVIDParams;
import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.proto.spire.agent.v1.CountAgentsRequest;
import dev.serai.proto.spire.agent.v1.ListAgentsRequest;
import dev.serai.proto.spire.entry.v1.CountEntriesRequest;
import dev.serai.proto.spire.entry.v1.ListEntriesRequest;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDRequest;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDResponse;
import dev.serai.proto.spire.svid.v1.NewJWTSVIDRequest;
import dev.serai.proto.spire.svid.v1.NewX509SVIDParams;
import dev.serai.proto.spire.types.AttestationData;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.EntryMask;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.role.RateLimits;
import dev.serai.signing.SignatureAlgorithm;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.spiffe.X509SvidProfile;
import dev.serai.store.SqliteDatabase;
import dev.serai.testing.TestAudit;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.PcrSelection;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.text.ParseException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Messages of agents, verifiers and administrators, as the issuer's calls read them. */
public final class IssuerFuzz {
  private static final Class<?> NO_MESSAGE = InvalidProtocolBufferException.class;
  private static final TrustDomain DOMAIN = TrustDomain.parse("example.org");
  private static final SpiffeId AGENT = DOMAIN.withPath("/spire/agent/join_token/a");
  private static final String ENTRY = "entry-1";
  private static final Caller.Local ADMINISTRATOR = new Caller.Local(0, 1);
  private static final InstantSource CLOCK = Clock.systemUTC();
  private static final EntryRules RULES = new EntryRules(DOMAIN);
  private static final Bytes CSR = Seeds.recorded("csr", "seed-r-p256").orElse(Bytes.EMPTY);

  private static final Fuzzed PARSERS =
      new Fuzzed()
          .with('a', "AttestAgent", IssuerFuzz::attestAgent, NO_MESSAGE)
          .with('r', "proof of a role", IssuerFuzz::roleProof)
          .with('e', "entry", IssuerFuzz::entry, NO_MESSAGE)
          .with('n', "NewX509SVID", IssuerFuzz::newSvid, NO_MESSAGE)
          .with('j', "NewJWTSVID", IssuerFuzz::newJwtSvid, NO_MESSAGE)
          .with('v', "verdict report", IssuerFuzz::report, NO_MESSAGE)
          .with('l', "ListEntries", IssuerFuzz::listEntries, NO_MESSAGE)
          .with('L', "CountEntries", IssuerFuzz::countEntries, NO_MESSAGE)
          .with('g', "ListAgents", IssuerFuzz::listAgents, NO_MESSAGE)
          .with('G', "CountAgents", IssuerFuzz::countAgents, NO_MESSAGE)
          .with('u', "entry and mask", IssuerFuzz::merge, NO_MESSAGE)
          .with('o', "nonce of evidence", IssuerFuzz::nonce)
          .with('p', "serai.issuer.challenge-pcrs", IssuerFuzz::pcrs)
          .with('R', "serai.issuer.location-rules", IssuerFuzz::locationRules);

  /** What the calls need around them; made when the first one comes. */
  private static final class Around {
    static final Path HOME = directory();
    static final SqliteDatabase DATABASE = SqliteDatabase.open(HOME.resolve("serai.db"));
    static final Audit AUDIT = TestAudit.of(DATABASE, HOME);
    static final ChangeFeed FEED = new ChangeFeed(CLOCK);
    static final EntryStore ENTRIES = new EntryStore(DOMAIN, DATABASE, AUDIT, FEED, CLOCK);
    static final NodeStore NODES = new NodeStore(DATABASE, AUDIT, FEED, CLOCK, Optional::empty);
    static final AttestedNode NODE =
        new AttestedNode(
            AGENT,
            "join_token",
            Optional.empty(),
            new AttestedNode.Certificate(BigInteger.ONE, Instant.EPOCH.plusSeconds(4_000_000_000L)),
            Optional.empty(),
            Set.of(),
            false,
            false,
            "",
            Instant.EPOCH);
    static final RateLimits LIMITS =
        new RateLimits("fuzz", Integer.MAX_VALUE, Integer.MAX_VALUE, CLOCK);
    static final SvidIssuance ISSUANCE;
    static final JwtSvidIssuance TOKENS;
    static final RoleProofs ROLES;
    static final KeyPair ROLE_KEY = dev.serai.testing.TestAuthority.keyPair();
    static final AttestationConversation ROLE_OPEN;

    static {
      ENTRIES.create(example());
      NODES.recordAttested(NODE, AuditEvent.of(AuditKind.AGENT_SVID_ISSUED, AGENT.toString()));
      Authority authority =
          Authority.open(
              DOMAIN,
              DATABASE,
              AUDIT,
              new KeyFiles(HOME.resolve("keys")),
              Signatures.fastest(),
              new RotationSchedule(Duration.ofHours(24), Duration.ofHours(24)),
              CLOCK);
      ISSUANCE =
          new SvidIssuance(
              ENTRIES.index(),
              new SvidMinter(authority, CLOCK),
              TestClaims.composer(dev.serai.claims.Privacy.STRICT),
              AUDIT,
              Signatures.fastest(),
              LIMITS,
              Duration.ofHours(1),
              CLOCK,
              new SimpleMeterRegistry());
      TOKENS =
          new JwtSvidIssuance(
              ENTRIES.index(),
              new JwtSvidMinter(authority, CLOCK),
              TestClaims.composer(dev.serai.claims.Privacy.STRICT),
              AUDIT,
              LIMITS,
              Duration.ofMinutes(5),
              CLOCK,
              new SimpleMeterRegistry());
      ROLES =
          new RoleProofs(
              new Challenges(DATABASE, Duration.ofSeconds(60), CLOCK),
              NODES,
              ENTRIES.index(),
              new SvidMinter(authority, CLOCK),
              Signatures.fastest(),
              new RoleProofs.Lives(Duration.ofHours(1), Duration.ofDays(1)),
              CLOCK,
              new SimpleMeterRegistry());
      SpiffeId id = DOMAIN.withPath("/spire/agent/join_token/role");
      Instant end = Instant.EPOCH.plusSeconds(4_000_000_000L);
      NODES.recordAttested(
          new AttestedNode(
              id,
              "join_token",
              Optional.empty(),
              new AttestedNode.Certificate(
                  BigInteger.TWO,
                  end,
                  AttestedNode.Certificate.keyOf(Bytes.copyOf(ROLE_KEY.getPublic().getEncoded()))),
              Optional.empty(),
              Set.of(),
              false,
              false,
              "",
              Instant.EPOCH),
          AuditEvent.of(AuditKind.AGENT_SVID_ISSUED, id.toString()));
      ENTRIES.create(
          example().toBuilder()
              .setId("role")
              .setSpiffeId(RegisteredEntry.message(DOMAIN.withPath("/serai/verifier")))
              .setParentId(RegisteredEntry.message(id))
              .build());
      Map<String, Object> stream = new HashMap<>();
      AttestAgentRequest open =
          StockAgent.params("serai_role", id.toString(), StockAgent.csr(StockAgent.newKey()));
      new AttestationOpening(Signatures.fastest(), LIMITS, true)
          .read(new Caller.Anybody("fuzz"), open, stream);
      ROLE_OPEN = AttestationConversation.of(stream).orElseThrow();
    }

    private static Path directory() {
      try {
        Path directory = Files.createTempDirectory("fuzz");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(directory)));
        return directory;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private static void delete(Path directory) {
      try (var files = Files.walk(directory)) {
        files.sorted(java.util.Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private IssuerFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    PARSERS.run(data);
  }

  public static Map<String, byte[]> seeds() {
    Bytes csr = CSR;
    AttestAgentRequest attest =
        AttestAgentRequest.newBuilder()
            .setParams(
                AttestAgentRequest.Params.newBuilder()
                    .setData(
                        AttestationData.newBuilder()
                            .setType("unified_identity")
                            .setPayload(ByteString.copyFromUtf8("node-1")))
                    .setParams(
                        AgentX509SVIDParams.newBuilder()
                            .setCsr(ByteString.copyFrom(csr.toArray()))))
            .build();
    AttestAgentRequest answer =
        AttestAgentRequest.newBuilder()
            .setChallengeResponse(ByteString.copyFromUtf8("evidence"))
            .build();
    NewX509SVIDParams params =
        NewX509SVIDParams.newBuilder()
            .setEntryId(ENTRY)
            .setCsr(ByteString.copyFrom(csr.toArray()))
            .build();
    ReportRequest report =
        ReportRequest.newBuilder()
            .setNodeId("node-1")
            .setState("UNTRUSTED")
            .addReasons(StateReason.newBuilder().setCode("PCR_VALUE_NOT_ALLOWED").setDetail("7"))
            .setAt(1_790_000_000_000L)
            .build();
    ListEntriesRequest.Builder entries = ListEntriesRequest.newBuilder().setPageSize(5);
    entries.getFilterBuilder().setBySpiffeId(example().getSpiffeId());
    entries
        .getFilterBuilder()
        .getBySelectorsBuilder()
        .addSelectorsBuilder()
        .setType("unix")
        .setValue("uid:1");
    ListAgentsRequest.Builder agents = ListAgentsRequest.newBuilder().setPageSize(5);
    agents
        .getFilterBuilder()
        .setByAttestationType("join_token")
        .setByExpiresBefore("2026-11-24 15:04:05 -0700 -07");
    Bytes nonce = Bytes.copyOf(new byte[32]);
    RoleProof proof =
        RoleProof.newBuilder()
            .setNonce(ByteString.copyFrom(nonce.toArray()))
            .setPublicKey(ByteString.copyFrom(Around.ROLE_KEY.getPublic().getEncoded()))
            .setSignature(
                ByteString.copyFrom(
                    Signatures.fastest()
                        .signer(Around.ROLE_KEY.getPrivate())
                        .sign(
                            SignatureAlgorithm.ECDSA_SHA256_DER,
                            RoleProofMessage.of(
                                SpiffeId.parse(Around.ROLE_OPEN.claimedNodeId()),
                                nonce,
                                Around.ROLE_OPEN.csr()))
                        .toArray()))
            .build();
    return Seeds.of()
        .add('r', "proof", Bytes.copyOf(proof.toByteArray()))
        .add('a', "params", Bytes.copyOf(attest.toByteArray()))
        .add('a', "answer", Bytes.copyOf(answer.toByteArray()))
        .add('e', "entry", Bytes.copyOf(example().toByteArray()))
        .add(
            'n',
            "params",
            Bytes.copyOf(
                BatchNewX509SVIDRequest.newBuilder().addParams(params).build().toByteArray()))
        .add(
            'j',
            "request",
            Bytes.copyOf(
                NewJWTSVIDRequest.newBuilder()
                    .setEntryId(ENTRY)
                    .addAudience("spiffe://example.org/db")
                    .addAudience("\"a\\\u0007\u00e9")
                    .build()
                    .toByteArray()))
        .add('v', "report", Bytes.copyOf(report.toByteArray()))
        .add('l', "filter", Bytes.copyOf(entries.build().toByteArray()))
        .add('g', "filter", Bytes.copyOf(agents.build().toByteArray()))
        .add('u', "hint", Bytes.copyOf(EntryMask.newBuilder().setHint(true).build().toByteArray()))
        .add(
            'o',
            "nonce",
            Bytes.copyOf(
                SovereignAttestation.newBuilder()
                    .setChallengeNonce("a1".repeat(32))
                    .build()
                    .toByteArray()))
        .add('p', "two-banks", "sha256:0,1,7+sha384:0")
        .add(
            'R',
            "rules",
            "{\"entries\":[{\"spiffe-id\":\"spiffe://test.example/pay/*\",\"need\":\"required\","
                + "\"regions\":[\"madrid\"],\"minimum-assurance\":\"gnss\"},"
                + "{\"spiffe-id\":\"spiffe://test.example/quiet\",\"need\":\"forbidden\"}]}")
        .all();
  }

  private static Entry example() {
    Entry.Builder entry =
        Entry.newBuilder()
            .setId(ENTRY)
            .setSpiffeId(RegisteredEntry.message(DOMAIN.withPath("/workload")))
            .setParentId(RegisteredEntry.message(AGENT))
            .setX509SvidTtl(60)
            .setHint("internal")
            .addDnsNames("*.db.example.org")
            .addDnsNames("a.example.org");
    entry.addSelectorsBuilder().setType("unix").setValue("uid:1");
    return entry.build();
  }

  private static void attestAgent(byte[] in) throws InvalidProtocolBufferException {
    AttestAgentRequest request = AttestAgentRequest.parseFrom(in);
    Map<String, Object> stream = new HashMap<>();
    AttestationOpening.Step step =
        new AttestationOpening(Signatures.fastest(), Around.LIMITS, true)
            .read(new Caller.Anybody("fuzz"), request, stream);
    check(
        step == AttestationOpening.Step.CHALLENGE || step == AttestationOpening.Step.JOIN_TOKEN,
        "no answer without a challenge");
    AttestationConversation open = AttestationConversation.of(stream).orElseThrow();
    check(
        open.request().isSignedByItsKey(Signatures.fastest()),
        "nobody goes on who does not hold the key");
  }

  /** Who comes back has signed this conversation's nonce and request with the key on record. */
  private static void roleProof(byte[] in) {
    RoleProof proof = RoleProofs.parse(Bytes.copyOf(in));
    AttestedNode node = Around.ROLES.judge(Around.ROLE_OPEN, proof);
    same(Around.ROLE_OPEN.claimedNodeId(), node.id().toString(), "nobody else comes back");
    same(
        ByteString.copyFrom(Around.ROLE_KEY.getPublic().getEncoded()),
        proof.getPublicKey(),
        "only with the key on record");
    same(
        ByteString.copyFrom(new byte[32]), proof.getNonce(), "only over the nonce that was signed");
  }

  /** An entry that is accepted stays as it is, and its names are those in its certificates. */
  private static void entry(byte[] in)
      throws InvalidProtocolBufferException, CertificateParsingException {
    Entry checked = RULES.checked(Entry.parseFrom(in));
    same(checked, RULES.checked(checked), "canonical is canonical");
    RegisteredEntry entry = RegisteredEntry.of(checked);
    check(!entry.spiffeId().isReserved(), "no workload has a name of the system");
    X509Certificate leaf =
        Certificates.decode(
            Certificates.leaf(
                new Certificates.Issuer(
                    Bytes.copyOf(Der.sequence(Der.attribute("2.5.4.10", Der.UTF8_STRING, "x"))),
                    Bytes.copyOf(new byte[20]),
                    (algorithm, message) -> Bytes.ofHex("3006020101020101")),
                new Certificates.Leaf(
                    BigInteger.ONE,
                    entry.spiffeId(),
                    checked.getDnsNamesList(),
                    CertificateKey.INFO,
                    Instant.EPOCH,
                    Instant.EPOCH.plusSeconds(60))));
    same(Optional.of(entry.spiffeId()), X509SvidProfile.idOf(leaf), "the ID of the certificate");
    List<String> dns =
        leaf.getSubjectAlternativeNames().stream()
            .filter(name -> name.get(0).equals(2))
            .map(name -> (String) name.get(1))
            .toList();
    same(List.copyOf(checked.getDnsNamesList()), dns, "the DNS names of the certificate");
  }

  /** Some key for leaves. */
  private static final class CertificateKey {
    static final Bytes INFO =
        Bytes.copyOf(dev.serai.testing.TestAuthority.keyPair().getPublic().getEncoded());
  }

  private static void newSvid(byte[] in) throws InvalidProtocolBufferException {
    for (NewX509SVIDParams params : BatchNewX509SVIDRequest.parseFrom(in).getParamsList()) {
      BatchNewX509SVIDResponse.Result result =
          Around.ISSUANCE.one(Around.NODE, params, event -> {});
      check(
          result.hasSvid() == (result.getStatus().getCode() == 0), "an SVID or a status, not both");
      check(
          !result.hasSvid() || params.getEntryId().equals(ENTRY), "signed is what an entry allows");
    }
  }

  /** Whatever the audience is made of, the token says that and no other claim. */
  private static void newJwtSvid(byte[] in) throws InvalidProtocolBufferException, ParseException {
    NewJWTSVIDRequest request = NewJWTSVIDRequest.parseFrom(in);
    List<String> audience = JwtSvidIssuance.audience(request);
    RegisteredEntry entry = Around.TOKENS.entry(Around.NODE, request.getEntryId());
    SignedJWT token = SignedJWT.parse(Around.TOKENS.sign(Around.NODE, entry, audience).token());
    same(audience, token.getJWTClaimsSet().getAudience(), "the audience of the request");
    same(
        "spiffe://example.org/workload",
        token.getJWTClaimsSet().getSubject(),
        "signed is what an entry allows");
    same(
        Set.of("sub", "aud", "exp", "iat"),
        token.getPayload().toJSONObject().keySet(),
        "claims of a token");
    same(Set.of("alg", "kid", "typ"), token.getHeader().toJSONObject().keySet(), "header");
  }

  private static void report(byte[] in) throws InvalidProtocolBufferException {
    VerdictReports reports = new VerdictReports(Around.NODES);
    check(
        reports.read(
                new Caller.RoleProcess(DOMAIN.withPath("/serai/verifier"), "fuzz"),
                ReportRequest.parseFrom(in))
            != null,
        "a report is read or refused");
  }

  private static void listEntries(byte[] in) throws InvalidProtocolBufferException {
    new EntryAdministration(Around.ENTRIES).list(ADMINISTRATOR, ListEntriesRequest.parseFrom(in));
  }

  private static void countEntries(byte[] in) throws InvalidProtocolBufferException {
    new EntryAdministration(Around.ENTRIES).count(ADMINISTRATOR, CountEntriesRequest.parseFrom(in));
  }

  private static AgentAdministration agents() {
    return new AgentAdministration(
        DOMAIN, Around.NODES, new JoinTokens(Around.DATABASE, Around.AUDIT, CLOCK), Around.ENTRIES);
  }

  private static void listAgents(byte[] in) throws InvalidProtocolBufferException {
    agents().list(ADMINISTRATOR, ListAgentsRequest.parseFrom(in));
  }

  private static void countAgents(byte[] in) throws InvalidProtocolBufferException {
    agents().count(ADMINISTRATOR, CountAgentsRequest.parseFrom(in));
  }

  private static void merge(byte[] in) throws InvalidProtocolBufferException {
    EntryMask mask = EntryMask.parseFrom(in);
    Entry wished = example().toBuilder().setHint("other").setX509SvidTtl(7).build();
    Entry merged = FieldMasks.merged(example(), wished, true, mask);
    same(merged.getHint(), mask.getHint() ? "other" : "internal", "a mask lets its fields through");
    same(
        FieldMasks.masked(merged, true, mask),
        FieldMasks.masked(FieldMasks.masked(merged, true, mask), true, mask),
        "a mask twice is a mask once");
  }

  private static void nonce(byte[] in) {
    Bytes nonce = Attestation.nonceIn(Bytes.copyOf(in));
    check(
        nonce.isEmpty() || nonce.size() == AppraisalRequest.NONCE_LENGTH,
        "a nonce of ours or none");
    check(
        nonce.isEmpty() || Attestation.sent(Bytes.copyOf(in)).isPresent(),
        "a nonce in evidence that cannot be read");
  }

  private static void locationRules(byte[] in) {
    EntryLocationRules rules = EntryLocationRules.parse("fuzz", Bytes.copyOf(in).toText());
    check(rules.rules().size() <= 10_000, "more rules than lawful");
  }

  private static void pcrs(byte[] in) {
    PcrSelection read = PcrSetting.parse(Bytes.copyOf(in).toText());
    same(read, PcrSetting.parse(read.toString()), "a setting is read as it is written");
  }
}
