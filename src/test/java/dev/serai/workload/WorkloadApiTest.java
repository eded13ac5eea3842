package dev.serai.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import com.google.rpc.ErrorInfo;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc.SpiffeWorkloadAPIBlockingStub;
import dev.serai.proto.workload.X509BundlesRequest;
import dev.serai.proto.workload.X509BundlesResponse;
import dev.serai.proto.workload.X509SVID;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.proto.workload.X509SVIDResponse;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.TrustDomain;
import dev.serai.testing.TestAuthority;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.reflection.v1.ServiceResponse;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The shipped routes over a real socket, called by gRPC clients. */
class WorkloadApiTest {
  private static final String ME = "unix:uid:" + uid();
  private static final Reason UNTRUSTED = new Reason(ReasonCode.NODE_UNTRUSTED, "PCR 7 changed");

  @TempDir Path directory;
  private WorkloadApiFixture api;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws Exception {
    api = new WorkloadApiFixture(directory);
    channel = api.channel();
  }

  @AfterEach
  void stop() throws Exception {
    api.close();
  }

  private static int uid() {
    try {
      return (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    } catch (java.io.IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private SpiffeWorkloadAPIBlockingStub stub(String... headers) {
    Metadata metadata = new Metadata();
    for (String value : headers) {
      metadata.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), value);
    }
    return SpiffeWorkloadAPIGrpc.newBlockingStub(channel)
        .withDeadlineAfter(60, TimeUnit.SECONDS)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
  }

  private Iterator<X509SVIDResponse> fetch() {
    return stub("true").fetchX509SVID(X509SVIDRequest.getDefaultInstance());
  }

  private static StatusRuntimeException failure(Iterator<?> answers) {
    StatusRuntimeException failure =
        catchThrowableOfType(StatusRuntimeException.class, answers::next);
    assertThat(failure).as("a refusal").isNotNull();
    return failure;
  }

  private static String reasonOf(StatusRuntimeException failure) throws Exception {
    return StatusProto.fromThrowable(failure).getDetails(0).unpack(ErrorInfo.class).getReason();
  }

  private static List<String> ids(X509SVIDResponse response) {
    return response.getSvidsList().stream().map(X509SVID::getSpiffeId).toList();
  }

  @Test
  void a_workload_gets_the_identities_whose_selectors_it_has_and_no_others() throws Exception {
    WorkloadIdentity mine = api.identity("/mine", "", ME);
    String exe = "unix:path:" + Path.of("/proc/self/exe").toRealPath();
    api.give(
        mine,
        api.identity("/mine-by-path", "", ME, exe),
        api.identity("/other-user", "", "unix:uid:4242"),
        api.identity("/other-path", "", ME, "unix:path:/bin/other"));

    X509SVIDResponse response = fetch().next();

    assertThat(ids(response))
        .containsExactly("spiffe://test.example/mine", "spiffe://test.example/mine-by-path");
    X509SVID first = response.getSvids(0);
    assertThat(first.getX509Svid().toByteArray()).isEqualTo(mine.leaf().getEncoded());
    assertThat(first.getX509SvidKey().toByteArray()).isEqualTo(mine.key().reveal());
    assertThat(first.getBundle().toByteArray()).isEqualTo(api.authority.certificate().getEncoded());
    assertThat(response.getFederatedBundlesMap()).isEmpty();
  }

  @Test
  void the_header_must_be_there_once_and_true() throws Exception {
    api.give(api.identity("/mine", "", ME));
    for (String[] headers : new String[][] {{}, {"false"}, {"True"}, {"true", "true"}, {""}}) {
      StatusRuntimeException failure =
          failure(stub(headers).fetchX509SVID(X509SVIDRequest.getDefaultInstance()));
      assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
      assertThat(failure.getStatus().getDescription())
          .isEqualTo("security header missing from request");
      assertThat(reasonOf(failure)).isEqualTo("SECURITY_HEADER_MISSING");
    }
    assertThat(
            failure(stub().fetchX509Bundles(X509BundlesRequest.getDefaultInstance()))
                .getStatus()
                .getCode())
        .isEqualTo(Status.Code.INVALID_ARGUMENT);
  }

  @Test
  void a_workload_without_an_entry_is_refused() throws Exception {
    api.give(api.identity("/other", "", "unix:uid:4242"));

    StatusRuntimeException failure = failure(fetch());

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(failure.getStatus().getDescription()).isEqualTo("no identity issued");
    assertThat(reasonOf(failure)).isEqualTo("WORKLOAD_NO_ENTRY");
    assertThat(
            failure(stub("true").fetchX509Bundles(X509BundlesRequest.getDefaultInstance()))
                .getStatus()
                .getCode())
        .isEqualTo(Status.Code.PERMISSION_DENIED);
  }

  @Test
  void an_agent_that_has_nothing_yet_asks_to_come_back() throws Exception {
    assertThat(api.socket).exists();
    StatusRuntimeException never = failure(fetch());
    assertThat(never.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(reasonOf(never)).isEqualTo("AGENT_NOT_READY");

    api.identities.waiting(new Reason(ReasonCode.TPM_UNAVAILABLE, "no answer"));
    assertThat(reasonOf(failure(fetch()))).isEqualTo("TPM_UNAVAILABLE");

    // A reason that is no waiting must not end clients for good.
    api.identities.waiting(UNTRUSTED);
    assertThat(failure(fetch()).getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);

    api.identities.replace(
        new Snapshot(
            List.of(),
            List.of(Set.of(Selector.parse(ME))),
            WorkloadApiFixture.DOMAIN,
            api.authority.bundle(),
            Map.of(),
            api.jwtAuthority.bundle()));
    assertThat(failure(fetch()).getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);

    api.give(api.identity("/mine", "", ME));
    assertThat(ids(fetch().next())).containsExactly("spiffe://test.example/mine");
  }

  @Test
  void an_expired_identity_is_not_handed_out() throws Exception {
    api.give(api.identity("/mine", "", Duration.ofSeconds(-1), ME));

    StatusRuntimeException failure = failure(fetch());

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(failure.getStatus().getDescription()).contains("expired");

    api.give(api.identity("/old", "", Duration.ofSeconds(-1), ME), api.identity("/mine", "", ME));
    assertThat(ids(fetch().next())).containsExactly("spiffe://test.example/mine");
  }

  @Test
  void a_stream_follows_renewal_and_new_entries_and_ends_with_the_last_one() throws Exception {
    WorkloadIdentity first = api.identity("/mine", "", ME);
    api.give(first);
    Iterator<X509SVIDResponse> answers = fetch();
    assertThat(ids(answers.next())).containsExactly("spiffe://test.example/mine");

    WorkloadIdentity renewed = api.identity("/mine", "", ME);
    api.give(renewed);
    assertThat(answers.next().getSvids(0).getX509Svid().toByteArray())
        .isEqualTo(renewed.leaf().getEncoded());

    api.give(renewed, api.identity("/second", "", ME));
    assertThat(ids(answers.next())).hasSize(2);

    // Neither of these concerns this caller: the next message it hears is the last but one.
    api.give(renewed, api.identity("/second", "", "unix:uid:4242"));
    assertThat(ids(answers.next())).containsExactly("spiffe://test.example/mine");
    api.give(renewed, api.identity("/third", "", "unix:uid:4242"));
    api.identities.waiting(new Reason(ReasonCode.AGENT_NOT_READY, "attesting again"));
    api.give(renewed);

    api.give(api.identity("/third", "", "unix:uid:4242"));
    StatusRuntimeException failure = failure(answers);
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(reasonOf(failure)).isEqualTo("WORKLOAD_NO_ENTRY");
    assertThat(api.identities.streams()).isZero();
  }

  @Test
  void a_refused_node_ends_open_streams() throws Exception {
    api.give(api.identity("/mine", "", ME));
    Iterator<X509SVIDResponse> svids = fetch();
    svids.next();
    Iterator<X509BundlesResponse> bundles =
        stub("true").fetchX509Bundles(X509BundlesRequest.getDefaultInstance());
    bundles.next();
    assertThat(api.identities.streams()).isEqualTo(2);
    assertThat(api.meters.get("serai.workload.streams").gauge().value()).isEqualTo(2);

    api.identities.denied(UNTRUSTED);
    StatusRuntimeException failure = failure(svids);
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(reasonOf(failure)).isEqualTo("NODE_UNTRUSTED");
    assertThat(failure(bundles).getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(failure(fetch()).getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(api.identities.streams()).isZero();

    api.give(api.identity("/mine", "", ME));
    assertThat(ids(fetch().next())).hasSize(1);
  }

  @Test
  void bundles_hold_the_own_trust_domain_and_those_the_entry_federates_with() throws Exception {
    TrustDomain partner = new TrustDomain("partner.example");
    TrustDomain stranger = new TrustDomain("stranger.example");
    TestAuthority partnerAuthority = new TestAuthority(partner.name());
    WorkloadIdentity plain = api.identity("/mine", "", ME);
    WorkloadIdentity mine =
        new WorkloadIdentity(
            plain.entry(),
            plain.id(),
            plain.selectors(),
            "",
            plain.chain(),
            plain.key(),
            Set.of(partner));
    api.identities.replace(
        new Snapshot(
            List.of(mine),
            WorkloadApiFixture.DOMAIN,
            api.authority.bundle(),
            Map.of(
                partner,
                partnerAuthority.bundle(),
                stranger,
                new TestAuthority(stranger.name()).bundle())));

    X509BundlesResponse bundles =
        stub("true").fetchX509Bundles(X509BundlesRequest.getDefaultInstance()).next();
    assertThat(bundles.getBundlesMap())
        .containsOnly(
            Map.entry(
                "spiffe://test.example",
                ByteString.copyFrom(api.authority.certificate().getEncoded())),
            Map.entry(
                "spiffe://partner.example",
                ByteString.copyFrom(partnerAuthority.certificate().getEncoded())));
    assertThat(fetch().next().getFederatedBundlesMap())
        .containsOnlyKeys("spiffe://partner.example");
  }

  @Test
  void a_hint_stands_once_in_an_answer() {
    api.give(
        api.identity("/a", "web", ME),
        api.identity("/b", "web", ME),
        api.identity("/c", "", ME),
        api.identity("/d", "", ME));

    assertThat(ids(fetch().next()))
        .containsExactly(
            "spiffe://test.example/a", "spiffe://test.example/c", "spiffe://test.example/d");
  }

  @Test
  void an_oversize_request_is_refused_and_the_connection_lives_on() {
    api.give(api.identity("/mine", "", ME));
    UnknownFieldSet noise =
        UnknownFieldSet.newBuilder()
            .addField(
                7,
                UnknownFieldSet.Field.newBuilder()
                    .addLengthDelimited(ByteString.copyFrom(new byte[100_000]))
                    .build())
            .build();

    StatusRuntimeException failure =
        failure(
            stub("true")
                .fetchX509SVID(X509SVIDRequest.newBuilder().setUnknownFields(noise).build()));

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(ids(fetch().next())).hasSize(1);
  }

  @Test
  void reflection_lists_the_service() {
    BlockingQueue<Object> got = new LinkedBlockingQueue<>();
    StreamObserver<ServerReflectionRequest> requests =
        ServerReflectionGrpc.newStub(channel)
            .serverReflectionInfo(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ServerReflectionResponse value) {
                    got.add(value);
                  }

                  @Override
                  public void onError(Throwable failure) {
                    got.add(failure);
                  }

                  @Override
                  public void onCompleted() {}
                });
    requests.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());

    await().until(() -> !got.isEmpty());
    ServerReflectionResponse response = (ServerReflectionResponse) got.peek();
    assertThat(response.getListServicesResponse().getServiceList())
        .extracting(ServiceResponse::getName)
        .contains("SpiffeWorkloadAPI", "grpc.health.v1.Health");
    requests.onCompleted();
  }

  @Test
  @Tag("slow")
  void thousands_of_streams_need_no_threads_and_hear_of_a_change() throws Exception {
    api.give(api.identity("/mine", "", ME));
    int connections = 20;
    int each = 100;
    BlockingQueue<X509SVIDResponse> got = new LinkedBlockingQueue<>();
    for (int c = 0; c < connections; c++) {
      Metadata metadata = new Metadata();
      metadata.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
      var stub =
          SpiffeWorkloadAPIGrpc.newStub(api.channel())
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
      for (int s = 0; s < each; s++) {
        stub.fetchX509SVID(
            X509SVIDRequest.getDefaultInstance(),
            new StreamObserver<>() {
              @Override
              public void onNext(X509SVIDResponse value) {
                got.add(value);
              }

              @Override
              public void onError(Throwable failure) {}

              @Override
              public void onCompleted() {}
            });
      }
    }
    await().atMost(Duration.ofSeconds(60)).until(() -> got.size() == connections * each);
    assertThat(api.identities.streams()).isEqualTo(connections * each);
    assertThat(Thread.getAllStackTraces().keySet())
        .filteredOn(thread -> thread.getName().startsWith("rpc-workload"))
        .hasSizeLessThan(20);

    api.give(api.identity("/mine", "", ME));
    await().atMost(Duration.ofSeconds(60)).until(() -> got.size() == 2 * connections * each);
  }

  @Test
  @Tag("slow")
  void two_users_get_different_identities() throws Exception {
    assumeTrue(uid() == 0 && Files.isExecutable(Path.of("/usr/bin/setpriv")), "needs root");
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    api.give(
        api.identity("/root", "", "unix:uid:0"),
        api.identity("/nobody", "", "unix:uid:65534", "unix:user:nobody"));

    assertThat(fetchAs(65534)).containsExactly("spiffe://test.example/nobody");
    assertThat(fetchAs(0)).containsExactly("spiffe://test.example/root");
    assertThat(fetchAs(12345)).containsExactly("PERMISSION_DENIED");
  }

  /** Runs {@link FetchAsWorkload} with copies of its classes that every user may read. */
  private List<String> fetchAs(int uid) throws Exception {
    Path classes = directory.resolve("classes");
    if (!Files.exists(classes)) {
      copyClasses(classes);
    }
    Process child =
        new ProcessBuilder(
                "/usr/bin/setpriv",
                "--reuid=" + uid,
                "--regid=" + uid,
                "--clear-groups",
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                classes + File.pathSeparator + classes.resolve("lib") + "/*",
                FetchAsWorkload.class.getName(),
                api.socket.toString())
            .redirectErrorStream(true)
            .start();
    String output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(child.waitFor()).as(output).isZero();
    return output.lines().filter(line -> line.startsWith("got ")).map(l -> l.substring(4)).toList();
  }

  private static void copyClasses(Path target) throws Exception {
    Files.createDirectories(target.resolve("lib"));
    List<String> wanted =
        List.of("grpc", "netty", "protobuf", "guava", "failureaccess", "perfmark", "common-protos");
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      Path source = Path.of(entry);
      if (Files.isRegularFile(source)) {
        String name = source.getFileName().toString();
        if (wanted.stream().anyMatch(name::contains) && !name.contains("camel")) {
          Files.copy(
              source, target.resolve("lib").resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
      } else if (Files.isDirectory(source)) {
        copyTree(source, target, "dev/serai/proto/workload");
        copyTree(source, target, "dev/serai/proto/spire/types");
        copyTree(source, target, "dev/serai/workload");
      }
    }
    try (Stream<Path> all = Files.walk(target)) {
      for (Path path : all.toList()) {
        Files.setPosixFilePermissions(
            path,
            PosixFilePermissions.fromString(Files.isDirectory(path) ? "rwxr-xr-x" : "rw-r--r--"));
      }
    }
  }

  private static void copyTree(Path source, Path target, String folder) throws Exception {
    if (!Files.isDirectory(source.resolve(folder))) {
      return;
    }
    List<Path> files = new ArrayList<>();
    try (Stream<Path> all = Files.walk(source.resolve(folder))) {
      all.filter(Files::isRegularFile).forEach(files::add);
    }
    for (Path file : files) {
      Path copy = target.resolve(source.relativize(file).toString());
      Files.createDirectories(copy.getParent());
      Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
    }
  }
}
