package dev.serai.agent;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import dev.serai.fuzz.RpcErrors;
import dev.serai.jwtsvid.JwtBundle;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.PermissionDeniedDetails;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.spiffe.TrustDomain;
import dev.serai.testing.SwTpm;
import dev.serai.testing.TestAuthority;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.tss.TpmOptions;
import dev.serai.tpm.tss.TssTpm;
import dev.serai.tpm.wire.TpmName;
import dev.serai.workload.WorkloadKey;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPair;
import java.security.cert.CertificateNotYetValidException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLHandshakeException;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Small parts of the agent, each by itself. */
class AgentPiecesTest {
  private static final JwtBundle JWT = JwtBundle.empty(new TrustDomain("test.example"));
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  @TempDir Path dir;

  @Test
  void one_ek_is_one_node_id_of_version_8() {
    TpmName ek = new TpmName(TpmHash.SHA256, dev.serai.tpm.Bytes.copyOf(new byte[32]));
    assertThat(NodeIds.of(ek)).isEqualTo(NodeIds.of(ek));
    assertThat(NodeIds.of(ek).version()).isEqualTo(8);
    assertThat(NodeIds.of(ek).variant()).isEqualTo(2);
    byte[] other = new byte[32];
    other[31] = 1;
    assertThat(NodeIds.of(new TpmName(TpmHash.SHA256, dev.serai.tpm.Bytes.copyOf(other))))
        .isNotEqualTo(NodeIds.of(ek));
  }

  @Test
  void a_peer_gets_its_burst_and_then_its_rate_and_no_other_pays_for_it() {
    TokenBuckets buckets = new TokenBuckets(2, 3);
    for (int i = 0; i < 3; i++) {
      assertThat(buckets.take("a", NOW)).isTrue();
    }
    assertThat(buckets.take("a", NOW)).isFalse();
    assertThat(buckets.take("b", NOW)).isTrue();
    assertThat(buckets.take("a", NOW.plusMillis(499))).isFalse();
    assertThat(buckets.take("a", NOW.plusMillis(1000))).isTrue();
  }

  @Test
  void buckets_are_bounded() {
    TokenBuckets buckets = new TokenBuckets(1, 1);
    for (int i = 0; i < 5000; i++) {
      assertThat(buckets.take("peer" + i, NOW)).isTrue();
    }
    assertThat(buckets.take("peer4999", NOW)).isFalse();
    assertThat(buckets.take("peer0", NOW)).as("forgotten long ago").isTrue();
  }

  @Test
  void files_are_whole_private_and_leave_nothing_beside_them() throws Exception {
    AgentFiles files = new AgentFiles(dir.resolve("agent"));
    files.write("x", "one");
    files.write("x", "two");
    assertThat(files.read("x")).contains("two");
    assertThat(files.read("y")).isEmpty();
    try (var all = Files.list(dir.resolve("agent"))) {
      assertThat(all).hasSize(1);
    }
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(files.path("x"))))
        .isEqualTo("rw-------");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(dir.resolve("agent"))))
        .isEqualTo("rwx------");
  }

  @Test
  void server_and_transport_keys_stay_the_same_and_a_damaged_file_is_made_anew() {
    AgentFiles files = new AgentFiles(dir.resolve("agent"));
    SoftwareKeys keys = new SoftwareKeys(files);
    SoftwareKeys.Server server = keys.server(NOW, "127.0.0.1");
    SoftwareKeys.Transport transport = keys.transport();
    assertThat(keys.server(NOW, "127.0.0.1").certificate()).isEqualTo(server.certificate());
    assertThat(keys.transport().pem()).isEqualTo(transport.pem());
    files.write("server.pem", "damaged");
    files.write("transport-key.pem", "damaged");
    assertThat(keys.server(NOW, "127.0.0.1").certificate()).isNotEqualTo(server.certificate());
    assertThat(keys.transport().pem()).isNotEqualTo(transport.pem());
  }

  @Test
  void an_app_key_of_a_cleared_tpm_is_made_anew_and_one_of_an_absent_tpm_is_not() {
    AgentFiles files = new AgentFiles(dir.resolve("agent"));
    AppKey first;
    try (SwTpm swtpm = SwTpm.blank();
        Tpm tpm = open(swtpm)) {
      AppKeyStore store = new AppKeyStore(tpm, files, Tpm.AppKeyType.ECC_P256);
      first = store.loadOrMake();
      assertThat(store.loadOrMake().publicArea()).isEqualTo(first.publicArea());
      swtpm.kill();
      assertThat(org.assertj.core.api.Assertions.catchThrowable(tpm::clock))
          .isInstanceOf(TpmException.class);
      assertThat(org.assertj.core.api.Assertions.catchThrowable(store::loadOrMake))
          .isInstanceOf(TpmException.class);
      swtpm.restart();
      assertThat(store.loadOrMake().publicArea()).isEqualTo(first.publicArea());
    }
    try (SwTpm other = SwTpm.blank();
        Tpm tpm = open(other)) {
      AppKeyStore store = new AppKeyStore(tpm, files, Tpm.AppKeyType.ECC_P256);
      AppKey second = store.loadOrMake();
      assertThat(second.publicArea()).isNotEqualTo(first.publicArea());
      files.write("app-key.json", "{}");
      assertThat(store.loadOrMake().publicArea()).isNotEqualTo(second.publicArea());
    }
  }

  private static Tpm open(SwTpm swtpm) {
    return TssTpm.lazy(TpmOptions.defaults().withTcti(swtpm.tcti()).withAllowSoftware(true));
  }

  @Test
  void the_bundle_is_what_the_issuer_last_said_until_the_given_file_changes() throws Exception {
    TestAuthority old = new TestAuthority("test.example");
    TestAuthority next = new TestAuthority("test.example");
    TestAuthority rebuilt = new TestAuthority("test.example");
    Path given = dir.resolve("bundle.pem");
    AgentFiles files = new AgentFiles(dir.resolve("agent"));
    TrustBundles bundles = new TrustBundles(files, given);
    assertThat(bundles.authorities()).isEmpty();
    Files.writeString(given, Pem.certificates(old.bundle()));
    bundles.refresh();
    assertThat(bundles.authorities()).isEqualTo(old.bundle());
    bundles.learn(next.bundle());
    bundles.refresh();
    assertThat(bundles.authorities()).isEqualTo(next.bundle());
    assertThat(new TrustBundles(files, given).authorities()).isEqualTo(next.bundle());
    Files.writeString(given, Pem.certificates(rebuilt.bundle()));
    assertThat(new TrustBundles(files, given).authorities()).isEqualTo(rebuilt.bundle());
    Files.writeString(given, "noise");
    bundles.refresh();
    assertThat(bundles.authorities()).as("noise changes nothing").isNotEmpty();
  }

  @ParameterizedTest
  @EnumSource(
      value = PermissionDeniedDetails.Reason.class,
      names = {"AGENT_EXPIRED", "AGENT_NOT_ATTESTED", "AGENT_NOT_ACTIVE", "AGENT_MUST_REATTEST"})
  void spires_details_of_a_refusal_are_cured_by_attesting(PermissionDeniedDetails.Reason reason) {
    ReasonCode code = IssuerErrors.reason(FakeIssuer.spireDenied(reason)).code();
    assertThat(code.name()).isEqualTo(reason.name().replace("AGENT_", "NODE_"));
    assertThat(AgentLifecycle.isCuredByAttesting(code)).isTrue();
  }

  @Test
  void our_code_comes_before_spires_details() {
    assertThat(
            IssuerErrors.reason(
                    FakeIssuer.denied(
                        ReasonCode.NODE_UNTRUSTED,
                        Optional.of(PermissionDeniedDetails.Reason.AGENT_NOT_ATTESTED)))
                .code())
        .isEqualTo(ReasonCode.NODE_UNTRUSTED);
  }

  @Test
  void n49_an_issuer_whose_clock_is_ahead_is_named() {
    SSLHandshakeException handshake = new SSLHandshakeException("certificate_unknown");
    handshake.initCause(
        new CertificateNotYetValidException(
            "not valid before 2026-11-26T13:00:00Z, and here it is 2026-11-26T12:00:00Z"));
    Reason reason =
        IssuerErrors.reason(
            Status.UNAVAILABLE.withDescription("io").withCause(handshake).asRuntimeException());
    assertThat(reason.code()).isEqualTo(ReasonCode.CLOCKS_DIFFER);
    assertThat(reason.detail()).contains("here it is 2026-11-26T12:00:00Z");
  }

  @Test
  void a_tpm_that_fails_at_the_issuer_is_not_ours() {
    StatusRuntimeException failure =
        StatusProto.toStatusRuntimeException(
            com.google.rpc.Status.newBuilder()
                .setCode(Status.Code.UNAVAILABLE.value())
                .addDetails(
                    Any.pack(
                        ErrorInfo.newBuilder()
                            .setDomain("serai.dev")
                            .setReason("TPM_UNAVAILABLE")
                            .build()))
                .build());
    assertThat(IssuerErrors.reason(failure).code()).isEqualTo(ReasonCode.PEER_UNAVAILABLE);
  }

  /** Found by fuzzing: gRPC throws over details that are of another status, or are none. */
  @Test
  void details_that_cannot_be_read_leave_the_status() {
    for (String hex : new String[] {"060808", "06ffff", "0608071a"}) {
      assertThat(IssuerErrors.reason(RpcErrors.of(Bytes.ofHex(hex).toArray())).code())
          .isEqualTo(ReasonCode.CALLER_NOT_ALLOWED);
    }
  }

  @Test
  void a_round_that_began_before_a_refusal_is_not_taken() {
    WorkloadSvids svids = new WorkloadSvids();
    TestAuthority authority = new TestAuthority("test.example");
    Entry entry = Entry.newBuilder().setId("e").setRevisionNumber(1).build();
    SyncRound begun =
        SyncRound.begun(svids.epoch(), JWT.trustDomain())
            .withBundle(authority.bundle(), JWT)
            .withEntries(List.of(entry))
            .withReceived(List.of(held(authority, 1, NOW.plusSeconds(60))));
    svids.drop();
    assertThat(svids.take(begun, Instant.now())).isFalse();
    assertThat(svids.holdings()).isEmpty();
  }

  @Test
  void an_svid_is_needed_when_new_changed_or_at_half_of_its_life() {
    WorkloadSvids svids = new WorkloadSvids();
    TestAuthority authority = new TestAuthority("test.example");
    Instant now = Instant.now();
    Entry entry = Entry.newBuilder().setId("e").setRevisionNumber(1).build();
    assertThat(svids.needing(List.of(entry), now)).containsExactly(entry);
    SyncRound round =
        SyncRound.begun(svids.epoch(), JWT.trustDomain())
            .withBundle(authority.bundle(), JWT)
            .withEntries(List.of(entry))
            .withReceived(List.of(held(authority, 1, now.plusSeconds(60))));
    assertThat(svids.take(round, now)).isTrue();
    assertThat(svids.needing(List.of(entry), now)).isEmpty();
    assertThat(svids.needing(List.of(entry), now.plusSeconds(60))).containsExactly(entry);
    Entry changed = entry.toBuilder().setRevisionNumber(2).build();
    assertThat(svids.needing(List.of(changed), now)).containsExactly(changed);
    svids.take(
        SyncRound.begun(svids.epoch(), JWT.trustDomain())
            .withBundle(authority.bundle(), JWT)
            .withEntries(List.of(changed)),
        now);
    assertThat(svids.holdings().orElseThrow().svids())
        .as("an SVID for an older revision is not handed out")
        .isEmpty();
  }

  private static HeldSvid held(TestAuthority authority, long revision, Instant renewAt) {
    KeyPair pair = TestAuthority.keyPair();
    return new HeldSvid(
        "e",
        revision,
        0,
        List.of(
            authority.leaf(pair, List.of("spiffe://test.example/e"), false, Duration.ofHours(1))),
        WorkloadKey.of(pair.getPrivate()),
        Instant.EPOCH,
        renewAt);
  }

  @Test
  void back_off_is_spread_and_never_above_its_cap() {
    Backoff backoff = new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(60));
    assertThat(backoff.after(1, 0)).isEqualTo(Duration.ofMillis(800));
    assertThat(backoff.after(1, 0.9999)).isLessThanOrEqualTo(Duration.ofMillis(1200));
    assertThat(backoff.after(2, 0.5)).isEqualTo(Duration.ofSeconds(2));
    assertThat(backoff.after(Integer.MAX_VALUE, 0.9999)).isEqualTo(Duration.ofSeconds(60));
  }

  @Test
  void an_identity_that_was_given_up_as_it_came_is_asked_for_again_at_once(@TempDir Path directory)
      throws Exception {
    Instant now = Instant.now();
    AgentStatus status =
        new AgentStatus(
            new AgentLifecycle.Pace(
                new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(60)),
                new Backoff(Duration.ofSeconds(5), Duration.ofMinutes(5))),
            () -> now,
            () -> 0.5);
    AgentFiles files = new AgentFiles(directory);
    AgentIdentity identity =
        new AgentIdentity(
            files,
            new TrustBundles(files, directory.resolve("bundle.pem")),
            TrustDomain.parse("test.example"),
            key -> null);
    status.on(new AgentEvent.TpmOpened(true));
    status.on(new AgentEvent.AppKeyReady(Optional.empty()));
    status.on(new AgentEvent.SvidIssued(new SvidFacts("spiffe://x", now, now.plusSeconds(3600))));
    assertThat(status.attested()).isTrue();
    var exchange = new DefaultExchange(new DefaultCamelContext());
    new BeginSyncProcessor(status, identity, new WorkloadSvids(), JWT.trustDomain())
        .process(exchange);
    assertThat(exchange.getVariable(BeginSyncProcessor.ATTESTED)).isEqualTo("false");
    assertThat(status.next()).isEqualTo(AgentAction.ATTEST);
  }
}
