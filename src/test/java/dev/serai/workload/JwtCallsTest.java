package dev.serai.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.Value;
import com.google.rpc.ErrorInfo;
import dev.serai.cli.SeraiCommand;
import dev.serai.cli.Sockets;
import dev.serai.jwtsvid.ClaimedJwtSvid;
import dev.serai.jwtsvid.JwtBundle;
import dev.serai.proto.workload.JWTBundlesRequest;
import dev.serai.proto.workload.JWTBundlesResponse;
import dev.serai.proto.workload.JWTSVID;
import dev.serai.proto.workload.JWTSVIDRequest;
import dev.serai.proto.workload.JWTSVIDResponse;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc.SpiffeWorkloadAPIBlockingStub;
import dev.serai.proto.workload.ValidateJWTSVIDRequest;
import dev.serai.proto.workload.ValidateJWTSVIDResponse;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.testing.TestAuthority;
import dev.serai.testing.TestJwtAuthority;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import io.spiffe.bundle.jwtbundle.JwtBundleSet;
import io.spiffe.exception.JwtSvidException;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.svid.jwtsvid.JwtSvid;
import io.spiffe.workloadapi.DefaultJwtSource;
import io.spiffe.workloadapi.DefaultWorkloadApiClient;
import io.spiffe.workloadapi.JwtSource;
import io.spiffe.workloadapi.JwtSourceOptions;
import io.spiffe.workloadapi.WorkloadApiClient;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PublicKey;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** JWT-SVIDs over the shipped routes and a real socket, by gRPC and by java-spiffe. */
class JwtCallsTest {
  private static final Duration LIFE = Duration.ofMinutes(5);

  @TempDir Path directory;
  private WorkloadApiFixture api;
  private String me;

  @BeforeEach
  void start() throws Exception {
    api = new WorkloadApiFixture(directory);
    me = "unix:uid:" + Files.getAttribute(Path.of("/proc/self"), "unix:uid");
  }

  @AfterEach
  void stop() throws Exception {
    api.close();
  }

  private SpiffeWorkloadAPIBlockingStub stub(String... headers) {
    Metadata metadata = new Metadata();
    for (String value : headers) {
      metadata.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), value);
    }
    return SpiffeWorkloadAPIGrpc.newBlockingStub(api.channel())
        .withDeadlineAfter(60, TimeUnit.SECONDS)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
  }

  private JWTSVIDResponse fetch(String spiffeId, String... audience) {
    return stub("true")
        .fetchJWTSVID(
            JWTSVIDRequest.newBuilder()
                .addAllAudience(List.of(audience))
                .setSpiffeId(spiffeId)
                .build());
  }

  private ValidateJWTSVIDResponse validate(String audience, String svid) {
    return stub("true")
        .validateJWTSVID(
            ValidateJWTSVIDRequest.newBuilder().setAudience(audience).setSvid(svid).build());
  }

  private Iterator<JWTBundlesResponse> bundles() {
    return stub("true").fetchJWTBundles(JWTBundlesRequest.getDefaultInstance());
  }

  private static void assertRefused(ThrowingCallable call, Status.Code status, ReasonCode code)
      throws Exception {
    StatusRuntimeException failure = catchThrowableOfType(StatusRuntimeException.class, call);
    assertThat(failure).as("a refusal").isNotNull();
    assertThat(failure.getStatus().getCode()).isEqualTo(status);
    ErrorInfo info = StatusProto.fromThrowable(failure).getDetails(0).unpack(ErrorInfo.class);
    assertThat(info.getReason()).isEqualTo(code.name());
  }

  @Test
  void a_workload_gets_a_token_for_each_of_its_identities() throws Exception {
    api.give(
        api.identity("/mine", "", me),
        api.identity("/second", "web", me),
        api.identity("/third", "web", me),
        api.identity("/other", "", "unix:uid:4242"));

    JWTSVIDResponse all = fetch("", "db", "cache");
    assertThat(all.getSvidsList().stream().map(JWTSVID::getSpiffeId))
        .containsExactly("spiffe://test.example/mine", "spiffe://test.example/second");
    assertThat(all.getSvids(1).getHint()).isEqualTo("web");
    JwtSvid first =
        JwtSvid.parseAndValidate(all.getSvids(0).getSvid(), api.jwtSpiffeBundle(), Set.of("db"));
    assertThat(first.getSpiffeId()).isEqualTo(SpiffeId.parse("spiffe://test.example/mine"));
    assertThat(first.getAudience()).containsExactlyInAnyOrder("db", "cache");

    JWTSVIDResponse one = fetch("spiffe://test.example/third", "db");
    assertThat(one.getSvidsList().stream().map(JWTSVID::getSpiffeId))
        .containsExactly("spiffe://test.example/third");
  }

  @Test
  void what_is_not_asked_for_properly_is_an_invalid_argument() throws Exception {
    api.give(api.identity("/mine", "", me));
    ReasonCode malformed = ReasonCode.MALFORMED_REQUEST;
    Status.Code invalid = Status.Code.INVALID_ARGUMENT;
    assertRefused(() -> fetch(""), invalid, malformed);
    assertRefused(() -> fetch("", ""), invalid, malformed);
    assertRefused(() -> fetch("", "x".repeat(1025)), invalid, malformed);
    String[] many = new String[33];
    Arrays.setAll(many, i -> "a" + i);
    assertRefused(() -> fetch("", many), invalid, malformed);
    assertRefused(() -> fetch("not an id", "db"), invalid, malformed);
    assertRefused(() -> validate("", "x.y.z"), invalid, malformed);
    assertRefused(() -> validate("db", ""), invalid, malformed);
    for (String[] headers : new String[][] {{}, {"false"}, {"true", "true"}}) {
      ReasonCode missing = ReasonCode.SECURITY_HEADER_MISSING;
      assertRefused(
          () -> stub(headers).fetchJWTSVID(JWTSVIDRequest.newBuilder().addAudience("db").build()),
          invalid,
          missing);
      assertRefused(
          () -> stub(headers).fetchJWTBundles(JWTBundlesRequest.getDefaultInstance()).next(),
          invalid,
          missing);
      assertRefused(
          () -> stub(headers).validateJWTSVID(ValidateJWTSVIDRequest.getDefaultInstance()),
          invalid,
          missing);
    }
  }

  @Test
  void who_has_no_identity_gets_neither_token_nor_bundle_nor_verdict() throws Exception {
    String token = api.jwtAuthority.token("/a", List.of("db"), Instant.now(), LIFE);
    assertRefused(() -> fetch("", "db"), Status.Code.UNAVAILABLE, ReasonCode.AGENT_NOT_READY);
    assertRefused(() -> validate("db", token), Status.Code.UNAVAILABLE, ReasonCode.AGENT_NOT_READY);
    api.give(api.identity("/other", "", "unix:uid:4242"));
    Status.Code denied = Status.Code.PERMISSION_DENIED;
    assertRefused(() -> fetch("", "db"), denied, ReasonCode.WORKLOAD_NO_ENTRY);
    assertRefused(() -> bundles().next(), denied, ReasonCode.WORKLOAD_NO_ENTRY);
    assertRefused(() -> validate("db", token), denied, ReasonCode.WORKLOAD_NO_ENTRY);
    api.give(api.identity("/mine", "", me), api.identity("/other", "", "unix:uid:4242"));
    assertRefused(
        () -> fetch("spiffe://test.example/other", "db"), denied, ReasonCode.WORKLOAD_NO_ENTRY);
    assertThat(fetch("", "db").getSvidsCount()).isEqualTo(1);

    api.identities.denied(new Reason(ReasonCode.NODE_UNTRUSTED, "PCR 7 changed"));
    assertRefused(() -> fetch("", "db"), denied, ReasonCode.NODE_UNTRUSTED);
    assertRefused(() -> validate("db", token), denied, ReasonCode.NODE_UNTRUSTED);
  }

  @Test
  void a_token_that_comes_after_its_node_was_refused_is_not_handed_out() throws Exception {
    WorkloadIdentity mine = api.identity("/mine", "", me);
    api.give(mine);
    CompletableFuture<ClaimedJwtSvid> late = new CompletableFuture<>();
    api.tokens.set((identity, audience) -> late);
    CompletableFuture<JWTSVIDResponse> asked = CompletableFuture.supplyAsync(() -> fetch("", "db"));
    await().until(() -> late.getNumberOfDependents() > 0);

    api.identities.denied(new Reason(ReasonCode.NODE_UNTRUSTED, "PCR 7 changed"));
    late.complete(
        ClaimedJwtSvid.parse(api.jwtAuthority.token("/mine", List.of("db"), Instant.now(), LIFE)));

    assertThatThrownBy(() -> asked.get(60, TimeUnit.SECONDS))
        .hasRootCauseInstanceOf(StatusRuntimeException.class)
        .hasMessageContaining("PERMISSION_DENIED: NODE_UNTRUSTED");
  }

  @Test
  void who_waits_for_the_issuer_takes_no_thread_from_others() throws Exception {
    api.give(api.identity("/mine", "", me));
    List<CompletableFuture<?>> asked = new ArrayList<>();
    CompletableFuture<ClaimedJwtSvid> late = new CompletableFuture<>();
    api.tokens.set((identity, audience) -> late);
    SpiffeWorkloadAPIBlockingStub stub = stub("true");
    for (int i = 0; i < 40; i++) {
      asked.add(
          CompletableFuture.supplyAsync(
              () -> stub.fetchJWTSVID(JWTSVIDRequest.newBuilder().addAudience("db").build()),
              command -> new Thread(command).start()));
    }
    await().atMost(Duration.ofSeconds(60)).until(() -> late.getNumberOfDependents() == 40);

    assertThat(bundles().next().getBundlesCount()).isEqualTo(1);
    assertThat(validate("db", token("/mine")).getSpiffeId()).endsWith("/mine");

    late.completeExceptionally(new RefusalException(ReasonCode.ISSUER_UNREACHABLE, "test"));
    for (CompletableFuture<?> one : asked) {
      assertThatThrownBy(() -> one.get(60, TimeUnit.SECONDS))
          .hasMessageContaining("UNAVAILABLE: ISSUER_UNREACHABLE");
    }
  }

  private String token(String path) {
    return api.jwtAuthority.token(path, List.of("db"), Instant.now(), LIFE);
  }

  @Test
  void a_token_is_validated_with_all_that_it_says() throws Exception {
    api.give(api.identity("/mine", "", me));
    Map<String, Object> claims =
        api.jwtAuthority.claims("/peer", List.of("db"), Instant.now(), LIFE);
    claims.put("admin", true);
    claims.put("nothing", null);
    claims.put("deep", Map.of("list", List.of(1, "two", 2.5)));

    ValidateJWTSVIDResponse good = validate("db", api.jwtAuthority.sign(claims));

    assertThat(good.getSpiffeId()).isEqualTo("spiffe://test.example/peer");
    Map<String, Value> read = good.getClaims().getFieldsMap();
    assertThat(read.get("sub").getStringValue()).isEqualTo("spiffe://test.example/peer");
    assertThat(read.get("exp").getNumberValue())
        .isEqualTo(((Long) claims.get("exp")).doubleValue());
    assertThat(read.get("aud").getListValue().getValues(0).getStringValue()).isEqualTo("db");
    assertThat(read.get("admin").getBoolValue()).isTrue();
    assertThat(read.get("nothing").hasNullValue()).isTrue();
    assertThat(
            read.get("deep")
                .getStructValue()
                .getFieldsOrThrow("list")
                .getListValue()
                .getValuesList())
        .extracting(Value::getNumberValue)
        .containsExactly(1.0, 0.0, 2.5);
  }

  @Test
  void a_token_that_is_not_good_is_an_invalid_argument_with_its_code() throws Exception {
    api.give(api.identity("/mine", "", me));
    Instant past = Instant.now().minus(Duration.ofHours(1));
    TestJwtAuthority forger = new TestJwtAuthority("test.example", "key-1");
    Map<String, ReasonCode> bad =
        Map.of(
            "x.y.z",
            ReasonCode.JWT_SVID_MALFORMED,
            forger.token("/peer", List.of("db"), Instant.now(), LIFE),
            ReasonCode.JWT_SVID_SIGNATURE_INVALID,
            api.jwtAuthority.token("/peer", List.of("cache"), Instant.now(), LIFE),
            ReasonCode.JWT_SVID_AUDIENCE_WRONG,
            api.jwtAuthority.token("/peer", List.of("db"), past, LIFE),
            ReasonCode.JWT_SVID_EXPIRED);
    for (Map.Entry<String, ReasonCode> one : bad.entrySet()) {
      assertRefused(
          () -> validate("db", one.getKey()), Status.Code.INVALID_ARGUMENT, one.getValue());
      assertThatThrownBy(() -> validate("db", one.getKey()))
          .hasMessageContaining(one.getValue().name());
    }
  }

  @Test
  void the_stream_of_bundles_follows_the_keys_and_ends_with_the_identity() throws Exception {
    WorkloadIdentity mine = api.identity("/mine", "", me);
    api.give(mine);
    Iterator<JWTBundlesResponse> stream = bundles();
    assertThat(stream.next().getBundlesMap())
        .containsOnlyKeys("spiffe://test.example")
        .allSatisfy(
            (domain, jwks) ->
                assertThat(jwks.toStringUtf8()).isEqualTo(api.jwtAuthority.bundle().jwks()));
    Map<String, PublicKey> two =
        Map.of(
            "key-1",
            api.jwtAuthority.key().getPublic(),
            "key-2",
            TestAuthority.keyPair().getPublic());
    JwtBundle rotated = JwtBundle.of(WorkloadApiFixture.DOMAIN, two);
    api.identities.replace(
        new Snapshot(
            List.of(mine),
            List.of(),
            WorkloadApiFixture.DOMAIN,
            api.authority.bundle(),
            Map.of(),
            rotated));
    assertThat(stream.next().getBundlesOrThrow("spiffe://test.example").toStringUtf8())
        .isEqualTo(rotated.jwks())
        .contains("key-1", "key-2");
    api.identities.denied(new Reason(ReasonCode.NODE_BANNED, "test"));
    assertRefused(stream::next, Status.Code.PERMISSION_DENIED, ReasonCode.NODE_BANNED);
    assertThat(api.identities.streams()).isZero();
  }

  @Test
  void java_spiffe_fetches_validates_and_keeps_a_source() throws Exception {
    api.give(api.identity("/mine", "", me));
    try (WorkloadApiClient client =
            DefaultWorkloadApiClient.newClient(
                DefaultWorkloadApiClient.ClientOptions.builder()
                    .spiffeSocketPath(api.address())
                    .build());
        JwtSource source =
            DefaultJwtSource.newSource(
                JwtSourceOptions.builder()
                    .spiffeSocketPath(api.address())
                    .initTimeout(Duration.ofSeconds(60))
                    .build())) {
      JwtSvid svid = client.fetchJwtSvid("db", "cache");
      assertThat(svid.getSpiffeId()).isEqualTo(SpiffeId.parse("spiffe://test.example/mine"));
      assertThat(client.validateJwtSvid(svid.getToken(), "cache").getSpiffeId())
          .isEqualTo(svid.getSpiffeId());
      assertThatThrownBy(() -> client.validateJwtSvid(svid.getToken(), "another"))
          .isInstanceOf(JwtSvidException.class);
      JwtBundleSet bundles = client.fetchJwtBundles();
      assertThat(bundles.getBundles()).hasSize(1);
      JwtSvid.parseAndValidate(
          source.fetchJwtSvid("db").getToken(),
          source.getBundleForTrustDomain(svid.getSpiffeId().getTrustDomain()),
          Set.of("db"));
    }
  }

  private record Called(int exit, String out, String err) {}

  private Called call(String... arguments) {
    Sockets none =
        new Sockets() {
          @Override
          public String value(Optional<Path> config, String key) {
            throw new IllegalStateException("the socket is named");
          }

          @Override
          public Optional<String> optional(Optional<Path> config, String key) {
            return Optional.empty();
          }

          @Override
          public Path controlSocket(Optional<Path> config) {
            throw new IllegalStateException("nothing is reloaded");
          }
        };
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line = SeraiCommand.make(none);
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    line.setExecutionExceptionHandler(
        (failure, command, result) -> {
          command.getErr().println(failure.getMessage());
          return 1;
        });
    return new Called(line.execute(arguments), out.toString(), err.toString());
  }

  @Test
  void the_command_line_fetches_and_validates_as_a_workload() throws Exception {
    api.give(api.identity("/mine", "", me), api.identity("/second", "web", me));
    String socket = api.socket.toString();
    Called fetched = call("svid", "fetch", "jwt", "--audience", "db", "--json", "--socket", socket);
    assertThat(fetched.exit()).as(fetched.err()).isZero();
    JsonNode tokens = new ObjectMapper().readTree(fetched.out());
    assertThat(tokens).hasSize(2);
    assertThat(tokens.get(1).path("hint").asText()).isEqualTo("web");
    assertThat(tokens.get(1).path("audience").asText()).isEqualTo("db");
    String token = tokens.get(1).path("svid").asText();
    Called second =
        call(
            "svid",
            "fetch",
            "jwt",
            "--audience",
            "db",
            "--spiffe-id",
            "spiffe://test.example/second",
            "--socket",
            socket);
    assertThat(second.out())
        .contains("spiffe://test.example/second", "expiresAt")
        .doesNotContain("/mine");

    Called good =
        call("svid", "validate", "jwt", "--audience", "db", "--json", "--socket", socket, token);
    assertThat(good.exit()).as(good.err()).isZero();
    JsonNode says = new ObjectMapper().readTree(good.out());
    assertThat(says.path("spiffeId").asText()).isEqualTo("spiffe://test.example/second");
    assertThat(says.path("claims").path("exp").isIntegralNumber()).isTrue();

    InputStream before = System.in;
    try {
      System.setIn(new ByteArrayInputStream((token + "\n").getBytes(StandardCharsets.US_ASCII)));
      Called piped = call("svid", "validate", "jwt", "--audience", "db", "--socket", socket, "-");
      assertThat(piped.exit()).as(piped.err()).isZero();
      assertThat(piped.out()).contains("spiffe://test.example/second", "aud");
    } finally {
      System.setIn(before);
    }
    Called wrong =
        call("svid", "validate", "jwt", "--audience", "cache", "--socket", socket, token);
    assertThat(wrong.exit()).isEqualTo(1);
    assertThat(wrong.err()).contains("JWT_SVID_AUDIENCE_WRONG").doesNotContain(token);
  }

  @Test
  void no_refusal_tells_the_token() {
    api.give(api.identity("/mine", "", me));
    String token = token("/peer");
    for (String shown : List.of(token, token.substring(0, token.length() - 4))) {
      assertThatThrownBy(() -> validate("cache", shown))
          .isInstanceOfSatisfying(
              StatusRuntimeException.class,
              e ->
                  assertThat(e + " " + StatusProto.fromThrowable(e))
                      .doesNotContain(shown.substring(0, 40)));
    }
  }
}
