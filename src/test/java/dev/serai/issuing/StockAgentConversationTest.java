package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.serai.v1.NodeGrpc;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.serai.v1.ReportRequest;
import dev.serai.proto.serai.v1.ShowNodeRequest;
import dev.serai.proto.serai.v1.VerdictsGrpc;
import dev.serai.proto.serai.v1.WatchEvent;
import dev.serai.proto.serai.v1.WatchRequest;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.AgentX509SVIDParams;
import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.proto.spire.agent.v1.AttestAgentResponse;
import dev.serai.proto.spire.agent.v1.BanAgentRequest;
import dev.serai.proto.spire.agent.v1.CountAgentsRequest;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.agent.v1.DeleteAgentRequest;
import dev.serai.proto.spire.agent.v1.GetAgentRequest;
import dev.serai.proto.spire.agent.v1.ListAgentsRequest;
import dev.serai.proto.spire.agent.v1.PostStatusRequest;
import dev.serai.proto.spire.agent.v1.RenewAgentRequest;
import dev.serai.proto.spire.bundle.v1.BundleGrpc;
import dev.serai.proto.spire.bundle.v1.GetBundleRequest;
import dev.serai.proto.spire.bundle.v1.GetFederatedBundleRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchDeleteEntryRequest;
import dev.serai.proto.spire.entry.v1.CountEntriesRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.entry.v1.GetAuthorizedEntriesRequest;
import dev.serai.proto.spire.entry.v1.ListEntriesRequest;
import dev.serai.proto.spire.entry.v1.SyncAuthorizedEntriesRequest;
import dev.serai.proto.spire.entry.v1.SyncAuthorizedEntriesResponse;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDRequest;
import dev.serai.proto.spire.svid.v1.BatchNewX509SVIDResponse;
import dev.serai.proto.spire.svid.v1.MintJWTSVIDRequest;
import dev.serai.proto.spire.svid.v1.MintX509SVIDRequest;
import dev.serai.proto.spire.svid.v1.NewJWTSVIDRequest;
import dev.serai.proto.spire.svid.v1.NewX509SVIDParams;
import dev.serai.proto.spire.svid.v1.SVIDGrpc;
import dev.serai.proto.spire.types.Bundle;
import dev.serai.proto.spire.types.BundleMask;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.EntryMask;
import dev.serai.proto.spire.types.JWTKey;
import dev.serai.proto.spire.types.JWTSVID;
import dev.serai.proto.spire.types.PermissionDeniedDetails;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.X509SVID;
import dev.serai.reason.ReasonCode;
import dev.serai.role.RoleHealth;
import dev.serai.role.RoleView;
import dev.serai.spiffe.TrustDomain;
import dev.serai.spiffe.X509SvidProfile;
import dev.serai.testing.SeraiHarness;
import dev.serai.tpm.Bytes;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import io.spiffe.bundle.jwtbundle.JwtBundle;
import io.spiffe.exception.JwtSvidException;
import io.spiffe.svid.jwtsvid.JwtSvid;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** The issuer over its own routes and sockets, called as stock agents and administrators do. */
class StockAgentConversationTest {
  private static final TrustDomain DOMAIN = TrustDomain.parse("test.example");

  private static SeraiHarness serai;
  private static ManagedChannel admin;
  private final List<StockAgent> agents = new ArrayList<>();

  @BeforeAll
  static void start() {
    serai =
        SeraiHarness.roles("issuer")
            .with("serai.issuer.limit.attest", "1000")
            .with("serai.issuer.limit.attest-burst", "1000")
            .with("serai.issuer.limit.status", "1000")
            .with("serai.issuer.limit.sign", "5000")
            .start();
    admin = SpiffeChannels.unix(Path.of(serai.setting("serai.issuer.admin-socket")));
  }

  @AfterAll
  static void stop() {
    admin.shutdownNow();
    serai.close();
  }

  @AfterEach
  void closeAgents() {
    agents.forEach(StockAgent::close);
  }

  private StockAgent newAgent() {
    StockAgent agent =
        new StockAgent(
            DOMAIN, serai.port("serai.issuer.port"), serai.stateDir().resolve("bundle.pem"));
    agents.add(agent);
    return agent;
  }

  private StockAgent attested() throws Throwable {
    return newAgent().attestByToken(token());
  }

  private static String token() {
    return AgentGrpc.newBlockingStub(admin)
        .createJoinToken(CreateJoinTokenRequest.newBuilder().setTtl(600).build())
        .getValue();
  }

  private static Entry entry(SPIFFEID parent, String path) {
    Entry.Builder entry =
        Entry.newBuilder()
            .setSpiffeId(SPIFFEID.newBuilder().setTrustDomain(DOMAIN.name()).setPath(path))
            .setParentId(parent);
    entry.addSelectorsBuilder().setType("unix").setValue("uid:1000");
    return entry.build();
  }

  private static Entry create(Entry entry) {
    var result =
        EntryGrpc.newBlockingStub(admin)
            .batchCreateEntry(BatchCreateEntryRequest.newBuilder().addEntries(entry).build())
            .getResults(0);
    assertThat(result.getStatus().getMessage()).isEqualTo("OK");
    return result.getEntry();
  }

  private static BatchNewX509SVIDResponse.Result sign(
      ManagedChannel channel, String entryId, Bytes csr) {
    return SVIDGrpc.newBlockingStub(channel)
        .batchNewX509SVID(
            BatchNewX509SVIDRequest.newBuilder()
                .addParams(
                    NewX509SVIDParams.newBuilder()
                        .setEntryId(entryId)
                        .setCsr(ByteString.copyFrom(csr.toArray())))
                .build())
        .getResults(0);
  }

  static JWTSVID token(ManagedChannel channel, String entryId, String... audience) {
    return SVIDGrpc.newBlockingStub(channel)
        .newJWTSVID(
            NewJWTSVIDRequest.newBuilder()
                .setEntryId(entryId)
                .addAllAudience(List.of(audience))
                .build())
        .getSvid();
  }

  static StatusRuntimeException refused(
      ThrowingCallable call, Status.Code code, ReasonCode reason) {
    StatusRuntimeException[] seen = new StatusRuntimeException[1];
    assertThatThrownBy(call).isInstanceOfSatisfying(StatusRuntimeException.class, e -> seen[0] = e);
    assertThat(reasonOf(seen[0])).as("%s", seen[0]).contains(reason.name());
    assertThat(seen[0].getStatus().getCode()).isEqualTo(code);
    return seen[0];
  }

  private static Optional<String> reasonOf(StatusRuntimeException e) {
    return detail(e, ErrorInfo.class).map(ErrorInfo::getReason);
  }

  static <T extends com.google.protobuf.Message> Optional<T> detail(
      StatusRuntimeException e, Class<T> type) {
    for (Any any : StatusProto.fromThrowable(e).getDetailsList()) {
      if (any.is(type)) {
        try {
          return Optional.of(any.unpack(type));
        } catch (InvalidProtocolBufferException broken) {
          throw new IllegalStateException(broken);
        }
      }
    }
    return Optional.empty();
  }

  static void refusedWithDetails(
      ThrowingCallable call, ReasonCode reason, PermissionDeniedDetails.Reason details) {
    StatusRuntimeException e = refused(call, Status.Code.PERMISSION_DENIED, reason);
    assertThat(StatusProto.fromThrowable(e).getDetails(0).is(PermissionDeniedDetails.class))
        .as("agents look at the first detail")
        .isTrue();
    assertThat(detail(e, PermissionDeniedDetails.class).orElseThrow().getReason())
        .isEqualTo(details);
  }

  private static ThrowingCallable callAs(StockAgent agent) {
    ManagedChannel channel = agent.authenticated();
    return () ->
        EntryGrpc.newBlockingStub(channel)
            .getAuthorizedEntries(GetAuthorizedEntriesRequest.getDefaultInstance());
  }

  @Test
  void a_stock_agent_attests_syncs_and_gets_svids() throws Throwable {
    StockAgent agent = newAgent();
    ManagedChannel anonymous = agent.anonymous();
    String token = token();
    AttestAgentResponse response =
        new StockAgent.Conversation(anonymous)
            .say(StockAgent.params("join_token", token, StockAgent.csr(agent.key)))
            .hear();
    assertThat(response.getResult().getReattestable()).isFalse();
    agent.svid = response.getResult().getSvid();
    assertThat(agent.svid.getId().getPath()).isEqualTo("/spire/agent/join_token/" + token);
    assertThat(agent.svid.getCertChainCount()).isEqualTo(1);

    Bundle bundle =
        BundleGrpc.newBlockingStub(anonymous).getBundle(GetBundleRequest.getDefaultInstance());
    assertThat(bundle.getTrustDomain()).isEqualTo("test.example");
    assertThat(bundle.getX509AuthoritiesCount()).isPositive();
    assertThat(bundle.getSequenceNumber()).isPositive();
    assertThat(bundle.getRefreshHint()).isPositive();

    Entry entry = create(entry(agent.svid.getId(), "/a-workload"));
    ManagedChannel channel = agent.authenticated();
    SyncAuthorizedEntriesResponse synced =
        new Sync(channel)
            .say(
                SyncAuthorizedEntriesRequest.newBuilder()
                    .setOutputMask(EntryMask.newBuilder().setSpiffeId(true).setRevisionNumber(true))
                    .build())
            .hear();
    assertThat(synced.getEntriesList())
        .singleElement()
        .extracting(Entry::getId)
        .isEqualTo(entry.getId());
    assertThat(synced.getEntries(0).hasParentId()).as("masked").isFalse();

    KeyPair workload = StockAgent.newKey();
    var result = sign(channel, entry.getId(), StockAgent.csr(workload));
    assertThat(result.getStatus().getCode()).isZero();
    X509SVID svid = result.getSvid();
    var leaf = Certificates.decode(Bytes.copyOf(svid.getCertChain(0).toByteArray()));
    assertThat(X509SvidProfile.leafViolations(leaf)).isEmpty();
    assertThat(X509SvidProfile.idOf(leaf))
        .hasToString("Optional[spiffe://test.example/a-workload]");
    assertThat(leaf.getPublicKey()).isEqualTo(workload.getPublic());

    AgentGrpc.newBlockingStub(channel)
        .postStatus(
            PostStatusRequest.newBuilder()
                .setCurrentBundleSerial(bundle.getSequenceNumber())
                .setAgentVersion("1.15.3")
                .build());
    assertThat(
            AgentGrpc.newBlockingStub(admin)
                .getAgent(GetAgentRequest.newBuilder().setId(agent.svid.getId()).build())
                .getAgentVersion())
        .isEqualTo("1.15.3");
    refused(
        () ->
            BundleGrpc.newBlockingStub(channel)
                .getFederatedBundle(
                    GetFederatedBundleRequest.newBuilder().setTrustDomain("b.example").build()),
        Status.Code.NOT_FOUND,
        ReasonCode.BUNDLE_UNKNOWN);
  }

  /** One SyncAuthorizedEntries stream. */
  private static final class Sync implements StreamObserver<SyncAuthorizedEntriesResponse> {
    private final BlockingQueue<Object> heard = new LinkedBlockingQueue<>();
    private final StreamObserver<SyncAuthorizedEntriesRequest> out;

    Sync(ManagedChannel channel) {
      out = EntryGrpc.newStub(channel).syncAuthorizedEntries(this);
    }

    Sync say(SyncAuthorizedEntriesRequest request) {
      out.onNext(request);
      return this;
    }

    SyncAuthorizedEntriesResponse hear() throws Throwable {
      Object next = heard.poll(60, TimeUnit.SECONDS);
      if (next instanceof Throwable failure) {
        throw failure;
      }
      return (SyncAuthorizedEntriesResponse) next;
    }

    boolean endsWell() throws InterruptedException {
      out.onCompleted();
      return "done".equals(heard.poll(60, TimeUnit.SECONDS));
    }

    @Override
    public void onNext(SyncAuthorizedEntriesResponse value) {
      heard.add(value);
    }

    @Override
    public void onError(Throwable failure) {
      heard.add(failure);
    }

    @Override
    public void onCompleted() {
      heard.add("done");
    }
  }

  @Test
  void more_than_500_entries_come_as_revisions_first_and_then_on_demand() throws Throwable {
    StockAgent agent = attested();
    BatchCreateEntryRequest.Builder batch = BatchCreateEntryRequest.newBuilder();
    for (int i = 0; i < 1201; i++) {
      batch.addEntries(entry(agent.svid.getId(), "/many/" + i));
    }
    EntryGrpc.newBlockingStub(admin).batchCreateEntry(batch.build());

    Sync sync =
        new Sync(agent.authenticated())
            .say(
                SyncAuthorizedEntriesRequest.newBuilder()
                    .setOutputMask(EntryMask.newBuilder().setSpiffeId(true).setRevisionNumber(true))
                    .build());
    List<String> ids = new ArrayList<>();
    boolean more = true;
    for (int expected : new int[] {500, 500, 201}) {
      assertThat(more).isTrue();
      SyncAuthorizedEntriesResponse page = sync.hear();
      assertThat(page.getEntryRevisionsCount()).isEqualTo(expected);
      assertThat(page.getEntriesCount()).isZero();
      page.getEntryRevisionsList().forEach(revision -> ids.add(revision.getId()));
      more = page.getMore();
    }
    assertThat(more).isFalse();
    sync.say(
        SyncAuthorizedEntriesRequest.newBuilder()
            .addAllIds(ids.subList(0, 500))
            .addIds("of-somebody-else")
            .build());
    SyncAuthorizedEntriesResponse wanted = sync.hear();
    assertThat(wanted.getEntriesCount()).isEqualTo(500);
    assertThat(wanted.getMore()).isFalse();
    sync.say(SyncAuthorizedEntriesRequest.newBuilder().addIds(ids.get(1200)).build());
    assertThat(sync.hear().getEntriesList())
        .singleElement()
        .extracting(Entry::getId)
        .isEqualTo(ids.get(1200));
    assertThat(sync.endsWell()).isTrue();
  }

  @Test
  void a_sync_that_begins_wrong_is_refused() throws Throwable {
    ManagedChannel channel = attested().authenticated();
    StatusRuntimeException ids =
        refused(
            () ->
                new Sync(channel)
                    .say(SyncAuthorizedEntriesRequest.newBuilder().addIds("a").build())
                    .hear(),
            Status.Code.INVALID_ARGUMENT,
            ReasonCode.MALFORMED_REQUEST);
    assertThat(ids.getStatus().getDescription())
        .contains("specifying IDs on initial request is not supported");
    StatusRuntimeException mask =
        refused(
            () ->
                new Sync(channel)
                    .say(
                        SyncAuthorizedEntriesRequest.newBuilder()
                            .setOutputMask(EntryMask.newBuilder().setSpiffeId(true))
                            .build())
                    .hear(),
            Status.Code.INVALID_ARGUMENT,
            ReasonCode.MALFORMED_REQUEST);
    assertThat(mask.getStatus().getDescription()).contains("revision number cannot be masked");
  }

  @Test
  void a_join_token_is_used_up_by_its_first_use() throws Throwable {
    String token = token();
    newAgent().attestByToken(token);
    StatusRuntimeException e =
        refused(
            () -> newAgent().attestByToken(token),
            Status.Code.INVALID_ARGUMENT,
            ReasonCode.JOIN_TOKEN_UNKNOWN);
    assertThat(e.getStatus().getDescription())
        .isEqualTo("failed to attest: join token does not exist or has already been used");
  }

  @Test
  void attestations_that_are_no_attestations_are_refused() {
    Bytes csr = StockAgent.csr(StockAgent.newKey());
    AttestAgentRequest good = StockAgent.params("join_token", "x", csr);
    for (AttestAgentRequest bad :
        List.of(
            AttestAgentRequest.getDefaultInstance(),
            AttestAgentRequest.newBuilder().setChallengeResponse(ByteString.EMPTY).build(),
            good.toBuilder().setParams(good.getParams().toBuilder().clearData()).build(),
            good.toBuilder().setParams(good.getParams().toBuilder().clearParams()).build(),
            StockAgent.params("", "x", csr),
            StockAgent.params("join_token", "", csr),
            StockAgent.params("join_token", "x", Bytes.EMPTY),
            StockAgent.params("join_token", "x", Bytes.ofText("no CSR")),
            StockAgent.params(
                "join_token", "x", StockAgent.csr(StockAgent.newKey(), StockAgent.newKey())))) {
      refused(
          () -> newAgent().converse().say(bad).hear(),
          Status.Code.INVALID_ARGUMENT,
          ReasonCode.MALFORMED_REQUEST);
    }
    refused(
        () -> newAgent().converse().say(StockAgent.params("x509pop", "x", csr)).hear(),
        Status.Code.FAILED_PRECONDITION,
        ReasonCode.ATTESTOR_UNKNOWN);
  }

  @Test
  void svids_are_for_entries_of_this_node_and_keys_that_the_caller_holds() throws Throwable {
    StockAgent agent = attested();
    StockAgent other = attested();
    Entry own = create(entry(agent.svid.getId(), "/own"));
    ManagedChannel channel = agent.authenticated();
    KeyPair key = StockAgent.newKey();
    assertThat(sign(other.authenticated(), own.getId(), StockAgent.csr(key)).getStatus())
        .hasToString(sign(channel, "no-such-entry", StockAgent.csr(key)).getStatus().toString())
        .extracting(dev.serai.proto.spire.types.Status::getCode)
        .isEqualTo(5);
    assertThat(sign(channel, "", StockAgent.csr(key)).getStatus().getCode()).isEqualTo(3);
    assertThat(sign(channel, own.getId(), Bytes.EMPTY).getStatus().getCode()).isEqualTo(3);
    assertThat(sign(channel, own.getId(), Bytes.ofText("x")).getStatus().getCode()).isEqualTo(3);
    assertThat(
            sign(channel, own.getId(), StockAgent.csr(key, StockAgent.newKey()))
                .getStatus()
                .getMessage())
        .isEqualTo("invalid CSR signature");
    refused(
        () ->
            SVIDGrpc.newBlockingStub(channel)
                .batchNewX509SVID(BatchNewX509SVIDRequest.getDefaultInstance()),
        Status.Code.INVALID_ARGUMENT,
        ReasonCode.MALFORMED_REQUEST);
  }

  /** What stock relying parties make of the bundle. */
  private static JwtBundle jwtBundle(Bundle bundle) throws Exception {
    JwtBundle keys = new JwtBundle(io.spiffe.spiffeid.TrustDomain.parse(DOMAIN.name()));
    for (JWTKey key : bundle.getJwtAuthoritiesList()) {
      keys.putJwtAuthority(
          key.getKeyId(),
          KeyFactory.getInstance("EC")
              .generatePublic(new X509EncodedKeySpec(key.getPublicKey().toByteArray())));
    }
    return keys;
  }

  @Test
  void a_stock_agent_gets_a_token_that_others_check_by_the_bundle() throws Throwable {
    StockAgent agent = attested();
    Entry entry = create(entry(agent.svid.getId(), "/token").toBuilder().setHint("h").build());
    JWTSVID svid = token(agent.authenticated(), entry.getId(), "spiffe://test.example/db");
    Bundle bundle =
        BundleGrpc.newBlockingStub(agent.anonymous())
            .getBundle(GetBundleRequest.getDefaultInstance());
    assertThat(bundle.getJwtAuthoritiesList())
        .singleElement()
        .satisfies(key -> assertThat(key.getExpiresAt()).isGreaterThan(svid.getExpiresAt()));
    JwtSvid read =
        JwtSvid.parseAndValidate(
            svid.getToken(), jwtBundle(bundle), Set.of("spiffe://test.example/db"));
    assertThat(read.getSpiffeId()).hasToString("spiffe://test.example/token");
    assertThat(read.getExpiry().toInstant().getEpochSecond()).isEqualTo(svid.getExpiresAt());
    assertThat(svid.getExpiresAt() - svid.getIssuedAt()).isEqualTo(300);
    assertThat(svid.getHint()).isEqualTo("h");
    assertThatThrownBy(
            () -> JwtSvid.parseAndValidate(svid.getToken(), jwtBundle(bundle), Set.of("other")))
        .isInstanceOf(JwtSvidException.class);
    Bundle masked =
        BundleGrpc.newBlockingStub(agent.anonymous())
            .getBundle(
                GetBundleRequest.newBuilder()
                    .setOutputMask(BundleMask.newBuilder().setX509Authorities(true))
                    .build());
    assertThat(masked.getJwtAuthoritiesList()).as("masked").isEmpty();
  }

  @Test
  void no_token_stands_in_a_log_however_much_is_logged() throws Throwable {
    StockAgent agent = attested();
    Entry entry = create(entry(agent.svid.getId(), "/logged"));
    ManagedChannel channel = agent.authenticated();
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    Logger root = (Logger) LoggerFactory.getLogger(Logger.ROOT_LOGGER_NAME);
    Logger ours = (Logger) LoggerFactory.getLogger("dev.serai");
    Logger camel = (Logger) LoggerFactory.getLogger("org.apache.camel");
    Level before = ours.getLevel();
    Level camelBefore = camel.getLevel();
    log.start();
    root.addAppender(log);
    ours.setLevel(Level.TRACE);
    camel.setLevel(Level.DEBUG);
    String token;
    try {
      token = token(channel, entry.getId(), "a").getToken();
      refused(
          () -> token(channel, entry.getId()),
          Status.Code.INVALID_ARGUMENT,
          ReasonCode.MALFORMED_REQUEST);
    } finally {
      ours.setLevel(before);
      camel.setLevel(camelBefore);
      root.detachAppender(log);
    }
    String signature = token.substring(token.lastIndexOf('.') + 1);
    assertThat(log.list).as("something was logged").isNotEmpty();
    assertThat(List.copyOf(log.list))
        .noneMatch(event -> event.getFormattedMessage().contains(signature));
  }

  @Test
  void health_and_dashboard_name_the_keys_in_use() {
    RoleHealth.Standing health = serai.bean("roleHealth-issuer", RoleHealth.class).standing();
    assertThat(health.facts())
        .containsKeys("authority", "authority-until", "jwt-authority", "jwt-authority-until");
    assertThat(health.facts().get("jwt-authority")).isNotEqualTo(health.facts().get("authority"));
    assertThat(serai.bean("roleView-issuer", RoleView.class).documents())
        .extracting(document -> document.kind() + " " + document.id())
        .contains(
            "authority (ACTIVE) " + health.facts().get("authority"),
            "JWT authority (ACTIVE) " + health.facts().get("jwt-authority"));
  }

  @Test
  void tokens_are_for_entries_of_this_node_and_for_somebody() throws Throwable {
    StockAgent agent = attested();
    Entry own = create(entry(agent.svid.getId(), "/own-token"));
    ManagedChannel channel = agent.authenticated();
    ManagedChannel other = attested().authenticated();
    refused(() -> token(other, own.getId(), "a"), Status.Code.NOT_FOUND, ReasonCode.ENTRY_UNKNOWN);
    refused(
        () -> token(channel, "no-such-entry", "a"),
        Status.Code.NOT_FOUND,
        ReasonCode.ENTRY_UNKNOWN);
    StatusRuntimeException nobody =
        refused(
            () -> token(channel, own.getId()),
            Status.Code.INVALID_ARGUMENT,
            ReasonCode.MALFORMED_REQUEST);
    assertThat(nobody.getStatus().getDescription()).contains("at least one audience is required");
    refused(
        () -> token(agent.anonymous(), own.getId(), "a"),
        Status.Code.UNAUTHENTICATED,
        ReasonCode.CALLER_NOT_AUTHENTICATED);
    refused(
        () -> token(admin, own.getId(), "a"),
        Status.Code.PERMISSION_DENIED,
        ReasonCode.CALLER_NOT_ALLOWED);
    token(channel, own.getId(), "a");
    AgentGrpc.newBlockingStub(admin)
        .banAgent(BanAgentRequest.newBuilder().setId(agent.svid.getId()).build());
    refusedWithDetails(
        () -> token(channel, own.getId(), "a"),
        ReasonCode.NODE_BANNED,
        PermissionDeniedDetails.Reason.AGENT_BANNED);
  }

  @Test
  void renewal_counts_from_the_first_use_of_the_new_certificate() throws Throwable {
    StockAgent agent = attested();
    ManagedChannel before = agent.authenticated();
    KeyPair newKey = StockAgent.newKey();
    X509SVID fresh =
        AgentGrpc.newBlockingStub(before)
            .renewAgent(
                RenewAgentRequest.newBuilder()
                    .setParams(
                        AgentX509SVIDParams.newBuilder()
                            .setCsr(ByteString.copyFrom(StockAgent.csr(newKey).toArray())))
                    .build())
            .getSvid();
    GetAuthorizedEntriesRequest ask = GetAuthorizedEntriesRequest.getDefaultInstance();
    EntryGrpc.newBlockingStub(before).getAuthorizedEntries(ask); // the answer may have been lost
    ManagedChannel after = agent.authenticated(fresh, newKey);
    EntryGrpc.newBlockingStub(after).getAuthorizedEntries(ask);
    refusedWithDetails(
        () -> EntryGrpc.newBlockingStub(before).getAuthorizedEntries(ask),
        ReasonCode.NODE_NOT_ACTIVE,
        PermissionDeniedDetails.Reason.AGENT_NOT_ACTIVE);
    EntryGrpc.newBlockingStub(after).getAuthorizedEntries(ask);
    refused(
        () -> AgentGrpc.newBlockingStub(after).renewAgent(RenewAgentRequest.getDefaultInstance()),
        Status.Code.INVALID_ARGUMENT,
        ReasonCode.MALFORMED_REQUEST);
  }

  @Test
  void an_evicted_agent_is_told_that_it_is_not_attested() throws Throwable {
    StockAgent agent = attested();
    callAs(agent).call();
    AgentGrpc.newBlockingStub(admin)
        .deleteAgent(DeleteAgentRequest.newBuilder().setId(agent.svid.getId()).build());
    refusedWithDetails(
        callAs(agent),
        ReasonCode.NODE_NOT_ATTESTED,
        PermissionDeniedDetails.Reason.AGENT_NOT_ATTESTED);
    refused(
        () ->
            AgentGrpc.newBlockingStub(admin)
                .deleteAgent(DeleteAgentRequest.newBuilder().setId(agent.svid.getId()).build()),
        Status.Code.NOT_FOUND,
        ReasonCode.NODE_UNKNOWN);
  }

  @Test
  void a_banned_agent_is_told_so_and_its_watch_ends() throws Throwable {
    StockAgent agent = attested();
    BlockingQueue<Object> heard = watch(agent);
    assertThat(heard.poll(60, TimeUnit.SECONDS)).isInstanceOf(WatchEvent.class);
    AgentGrpc.newBlockingStub(admin)
        .banAgent(BanAgentRequest.newBuilder().setId(agent.svid.getId()).build());
    Object end = heard.poll(60, TimeUnit.SECONDS);
    refusedWithDetails(
        () -> {
          throw (Throwable) end;
        },
        ReasonCode.NODE_BANNED,
        PermissionDeniedDetails.Reason.AGENT_BANNED);
    refusedWithDetails(
        callAs(agent), ReasonCode.NODE_BANNED, PermissionDeniedDetails.Reason.AGENT_BANNED);
    assertThat(
            AgentGrpc.newBlockingStub(admin)
                .getAgent(GetAgentRequest.newBuilder().setId(agent.svid.getId()).build())
                .getBanned())
        .isTrue();
    String spiffeId = DOMAIN.withPath(agent.svid.getId().getPath()).toString();
    var nodes = NodesGrpc.newBlockingStub(admin);
    ShowNodeRequest byId = ShowNodeRequest.newBuilder().setId(spiffeId).build();
    assertThat(nodes.show(byId).getState()).isEqualTo("BANNED");
    assertThat(nodes.unban(byId).getState()).isEqualTo("ATTESTED");
    callAs(agent).call();
  }

  private static BlockingQueue<Object> watch(StockAgent agent) {
    BlockingQueue<Object> heard = new LinkedBlockingQueue<>();
    NodeGrpc.newStub(agent.authenticated())
        .watch(
            WatchRequest.getDefaultInstance(),
            new StreamObserver<>() {
              @Override
              public void onNext(WatchEvent event) {
                heard.add(event);
              }

              @Override
              public void onError(Throwable failure) {
                heard.add(failure);
              }

              @Override
              public void onCompleted() {
                heard.add("done");
              }
            });
    return heard;
  }

  @Test
  void a_watch_fires_for_entries_of_its_node_only() throws Throwable {
    StockAgent agent = attested();
    BlockingQueue<Object> heard = watch(agent);
    long first = ((WatchEvent) heard.poll(60, TimeUnit.SECONDS)).getRevision();
    create(entry(attested().svid.getId(), "/not-ours"));
    Entry own = create(entry(agent.svid.getId(), "/ours"));
    long second = ((WatchEvent) heard.poll(60, TimeUnit.SECONDS)).getRevision();
    assertThat(second).isGreaterThan(first);
    assertThat(heard).isEmpty();
    EntryGrpc.newBlockingStub(admin)
        .batchDeleteEntry(BatchDeleteEntryRequest.newBuilder().addIds(own.getId()).build());
    assertThat(((WatchEvent) heard.poll(60, TimeUnit.SECONDS)).getRevision()).isGreaterThan(second);
  }

  @Test
  void a_join_token_may_come_with_a_name_to_hang_entries_on() throws Throwable {
    SPIFFEID alias = SPIFFEID.newBuilder().setTrustDomain(DOMAIN.name()).setPath("/rack-7").build();
    String token =
        AgentGrpc.newBlockingStub(admin)
            .createJoinToken(
                CreateJoinTokenRequest.newBuilder().setTtl(600).setAgentId(alias).build())
            .getValue();
    StockAgent agent = newAgent().attestByToken(token);
    Entry below = create(entry(alias, "/below-the-alias"));
    var entries =
        EntryGrpc.newBlockingStub(agent.authenticated())
            .getAuthorizedEntries(GetAuthorizedEntriesRequest.getDefaultInstance())
            .getEntriesList();
    assertThat(entries).extracting(Entry::getId).contains(below.getId()).hasSize(2);
    AgentGrpc.newBlockingStub(admin)
        .deleteAgent(DeleteAgentRequest.newBuilder().setId(agent.svid.getId()).build());
    assertThat(
            EntryGrpc.newBlockingStub(admin)
                .listEntries(
                    ListEntriesRequest.newBuilder()
                        .setFilter(
                            ListEntriesRequest.Filter.newBuilder()
                                .setByParentId(agent.svid.getId()))
                        .build())
                .getEntriesList())
        .isEmpty();
  }

  @Test
  void everybody_gets_only_the_calls_of_their_kind() throws Throwable {
    StockAgent agent = attested();
    ManagedChannel asAgent = agent.authenticated();
    ManagedChannel anonymous = agent.anonymous();
    refused(
        () ->
            EntryGrpc.newBlockingStub(asAgent)
                .countEntries(CountEntriesRequest.getDefaultInstance()),
        Status.Code.PERMISSION_DENIED,
        ReasonCode.CALLER_NOT_ALLOWED);
    refused(
        () ->
            AgentGrpc.newBlockingStub(asAgent)
                .createJoinToken(CreateJoinTokenRequest.newBuilder().setTtl(1).build()),
        Status.Code.PERMISSION_DENIED,
        ReasonCode.CALLER_NOT_ALLOWED);
    refused(
        () -> VerdictsGrpc.newBlockingStub(asAgent).report(ReportRequest.getDefaultInstance()),
        Status.Code.PERMISSION_DENIED,
        ReasonCode.CALLER_NOT_ALLOWED);
    refused(
        () ->
            EntryGrpc.newBlockingStub(anonymous)
                .getAuthorizedEntries(GetAuthorizedEntriesRequest.getDefaultInstance()),
        Status.Code.UNAUTHENTICATED,
        ReasonCode.CALLER_NOT_AUTHENTICATED);
    refused(
        () ->
            EntryGrpc.newBlockingStub(anonymous)
                .countEntries(CountEntriesRequest.getDefaultInstance()),
        Status.Code.PERMISSION_DENIED,
        ReasonCode.CALLER_NOT_ALLOWED);
    refused(
        () ->
            EntryGrpc.newBlockingStub(admin)
                .getAuthorizedEntries(GetAuthorizedEntriesRequest.getDefaultInstance()),
        Status.Code.PERMISSION_DENIED,
        ReasonCode.CALLER_NOT_ALLOWED);
    refused(
        () ->
            SVIDGrpc.newBlockingStub(admin).mintX509SVID(MintX509SVIDRequest.getDefaultInstance()),
        Status.Code.UNIMPLEMENTED,
        ReasonCode.UNKNOWN_OPERATION);
    refused(
        () -> SVIDGrpc.newBlockingStub(admin).mintJWTSVID(MintJWTSVIDRequest.getDefaultInstance()),
        Status.Code.UNIMPLEMENTED,
        ReasonCode.UNKNOWN_OPERATION);
  }

  @Test
  void a_message_over_the_limit_is_refused_and_the_server_lives_on() throws Throwable {
    ManagedChannel anonymous = newAgent().anonymous();
    AttestAgentRequest huge =
        StockAgent.params("join_token", "x".repeat(5 << 20), StockAgent.csr(StockAgent.newKey()));
    assertThatThrownBy(() -> new StockAgent.Conversation(anonymous).say(huge).hear())
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e ->
                assertThat(e.getStatus().getCode())
                    .isIn(Status.Code.RESOURCE_EXHAUSTED, Status.Code.CANCELLED));
    callAs(attested()).call();
  }

  @Test
  void lists_and_counts_agree() throws Throwable {
    StockAgent agent = attested();
    var stub = AgentGrpc.newBlockingStub(admin);
    int count = stub.countAgents(CountAgentsRequest.getDefaultInstance()).getCount();
    List<String> paths = new ArrayList<>();
    String page = "";
    do {
      var response =
          stub.listAgents(ListAgentsRequest.newBuilder().setPageSize(1).setPageToken(page).build());
      response.getAgentsList().forEach(a -> paths.add(a.getId().getPath()));
      page = response.getNextPageToken();
    } while (!page.isEmpty());
    assertThat(paths).hasSize(count).contains(agent.svid.getId().getPath()).doesNotHaveDuplicates();
  }
}
