package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.proto.serai.v1.NodeGrpc;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.serai.v1.VerdictsGrpc;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.bundle.v1.BundleGrpc;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.svid.v1.SVIDGrpc;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.rpc.RpcPeer;
import dev.serai.signing.Signatures;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.store.SqliteDatabase;
import dev.serai.testing.TestAudit;
import dev.serai.testing.TestAuthority;
import dev.serai.tpm.Bytes;
import java.math.BigInteger;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CallerPolicyTest {
  private static final TrustDomain DOMAIN = TrustDomain.parse("test.example");
  private static final SpiffeId AGENT = DOMAIN.withPath("/spire/agent/join_token/a");
  private static final RpcPeer LOCAL = new RpcPeer.LocalPeer(1, 0, 0);

  @TempDir Path directory;
  private SqliteDatabase database;
  private Authority authority;
  private NodeStore nodes;
  private CallerPolicy policy;

  @BeforeEach
  void open() {
    Clock clock = Clock.systemUTC();
    database = SqliteDatabase.open(directory.resolve("serai.db"));
    authority =
        Authority.open(
            DOMAIN,
            database,
            TestAudit.of(database, directory),
            new KeyFiles(directory.resolve("keys")),
            Signatures.fastest(),
            new RotationSchedule(Duration.ofHours(24), Duration.ofHours(24)),
            clock);
    nodes =
        new NodeStore(
            database,
            TestAudit.of(database, directory),
            new ChangeFeed(clock),
            clock,
            Optional::empty);
    policy = new CallerPolicy(DOMAIN, authority, new NodeGate(nodes, clock, true));
  }

  @AfterEach
  void close() {
    database.close();
  }

  private static RpcPeer peer(X509Certificate... chain) {
    return new RpcPeer.TlsPeer(List.of(chain), new InetSocketAddress("127.0.0.1", 1));
  }

  private X509Certificate ours(SpiffeId id) {
    SvidMinter.Svid svid =
        new SvidMinter(authority, Clock.systemUTC())
            .mint(
                id,
                List.of(),
                Bytes.copyOf(StockAgent.newKey().getPublic().getEncoded()),
                Duration.ofHours(1));
    return Certificates.decode(svid.certificate());
  }

  private void attested(BigInteger serial) {
    nodes.recordAttested(
        new AttestedNode(
            AGENT,
            "join_token",
            Optional.empty(),
            new AttestedNode.Certificate(serial, Instant.now().plusSeconds(60)),
            Optional.empty(),
            Set.of(),
            false,
            false,
            "",
            Instant.now()),
        AuditEvent.of(AuditKind.AGENT_SVID_ISSUED, AGENT.toString()));
  }

  private static Stream<String> allMethods() {
    return Stream.of(
            AgentGrpc.getServiceDescriptor(),
            BundleGrpc.getServiceDescriptor(),
            EntryGrpc.getServiceDescriptor(),
            SVIDGrpc.getServiceDescriptor(),
            NodeGrpc.getServiceDescriptor(),
            NodesGrpc.getServiceDescriptor(),
            VerdictsGrpc.getServiceDescriptor())
        .flatMap(service -> service.getMethods().stream())
        .map(method -> method.getFullMethodName());
  }

  private static Set<String> callableBy(CallerPolicy.Kind kind) {
    return CallerPolicy.TABLE.entrySet().stream()
        .filter(row -> row.getValue() == kind)
        .map(Map.Entry::getKey)
        .collect(Collectors.toSet());
  }

  private void refuses(ReasonCode code, String method, RpcPeer peer) {
    assertThatThrownBy(() -> policy.authorize(method, peer))
        .as(method)
        .isInstanceOfSatisfying(
            RefusalException.class, e -> assertThat(e.reason().code()).isEqualTo(code));
  }

  @Test
  void every_row_names_a_method_there_is() {
    assertThat(allMethods().toList()).containsAll(CallerPolicy.TABLE.keySet());
  }

  @Test
  void a_method_without_a_row_is_denied_to_everybody() {
    X509Certificate agent = ours(AGENT);
    attested(agent.getSerialNumber());
    allMethods()
        .filter(method -> !CallerPolicy.TABLE.containsKey(method))
        .forEach(
            method -> {
              refuses(ReasonCode.CALLER_NOT_ALLOWED, method, LOCAL);
              refuses(ReasonCode.CALLER_NOT_ALLOWED, method, peer());
              refuses(ReasonCode.CALLER_NOT_ALLOWED, method, peer(agent));
            });
  }

  @Test
  void an_agent_calls_what_agents_call_and_nothing_more() {
    X509Certificate agent = ours(AGENT);
    attested(agent.getSerialNumber());
    callableBy(CallerPolicy.Kind.AGENT)
        .forEach(
            method ->
                assertThat(policy.authorize(method, peer(agent))).isInstanceOf(Caller.Agent.class));
    callableBy(CallerPolicy.Kind.LOCAL)
        .forEach(method -> refuses(ReasonCode.CALLER_NOT_ALLOWED, method, peer(agent)));
    callableBy(CallerPolicy.Kind.VERIFIER)
        .forEach(method -> refuses(ReasonCode.CALLER_NOT_ALLOWED, method, peer(agent)));
  }

  @Test
  void on_every_agent_call_a_chain_to_another_authority_is_refused_whatever_it_says() {
    X509Certificate forged = new TestAuthority("test.example").material(AGENT.path()).leaf();
    attested(forged.getSerialNumber());
    for (CallerPolicy.Kind kind : List.of(CallerPolicy.Kind.AGENT)) {
      callableBy(kind)
          .forEach(method -> refuses(ReasonCode.CALLER_NOT_AUTHENTICATED, method, peer(forged)));
    }
    X509Certificate verifier = new TestAuthority("test.example").material("/serai/verifier").leaf();
    callableBy(CallerPolicy.Kind.VERIFIER)
        .forEach(method -> refuses(ReasonCode.CALLER_NOT_AUTHENTICATED, method, peer(verifier)));
  }

  @Test
  void without_a_certificate_only_what_anybody_may_call() {
    callableBy(CallerPolicy.Kind.ANYBODY)
        .forEach(
            method ->
                assertThat(policy.authorize(method, peer())).isInstanceOf(Caller.Anybody.class));
    callableBy(CallerPolicy.Kind.AGENT)
        .forEach(method -> refuses(ReasonCode.CALLER_NOT_AUTHENTICATED, method, peer()));
    callableBy(CallerPolicy.Kind.LOCAL)
        .forEach(method -> refuses(ReasonCode.CALLER_NOT_ALLOWED, method, peer()));
  }

  @Test
  void a_workload_is_no_agent_and_no_role() {
    X509Certificate workload = ours(DOMAIN.withPath("/workload"));
    callableBy(CallerPolicy.Kind.AGENT)
        .forEach(method -> refuses(ReasonCode.CALLER_NOT_ALLOWED, method, peer(workload)));
    callableBy(CallerPolicy.Kind.VERIFIER)
        .forEach(method -> refuses(ReasonCode.CALLER_NOT_ALLOWED, method, peer(workload)));
  }

  @Test
  void the_verifier_is_known_by_its_id() {
    callableBy(CallerPolicy.Kind.VERIFIER)
        .forEach(
            method ->
                assertThat(policy.authorize(method, peer(ours(DOMAIN.withPath("/serai/verifier")))))
                    .isInstanceOf(Caller.RoleProcess.class));
  }

  @Test
  void a_verifier_whose_certificate_ran_out_on_its_open_connection_is_refused() {
    HandClock clock = new HandClock();
    CallerPolicy policy = new CallerPolicy(DOMAIN, authority, new NodeGate(nodes, clock, true));
    X509Certificate verifier = ours(DOMAIN.withPath("/serai/verifier"));
    clock.advance(Duration.between(clock.instant(), Instant.now()));
    policy.authorize(VerdictsGrpc.getReportMethod().getFullMethodName(), peer(verifier));
    clock.advance(Duration.ofHours(1));
    assertThatThrownBy(
            () ->
                policy.authorize(
                    VerdictsGrpc.getReportMethod().getFullMethodName(), peer(verifier)))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.CALLER_NOT_AUTHENTICATED));
  }

  @Test
  void an_agent_without_a_record_is_not_attested() {
    X509Certificate agent = ours(AGENT);
    callableBy(CallerPolicy.Kind.AGENT)
        .forEach(method -> refuses(ReasonCode.NODE_NOT_ATTESTED, method, peer(agent)));
  }
}
