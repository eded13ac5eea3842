package dev.serai.rpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Struct;
import com.google.rpc.ErrorInfo;
import dev.serai.proto.workload.JWTSVIDRequest;
import dev.serai.proto.workload.JWTSVIDResponse;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.ValidateJWTSVIDRequest;
import dev.serai.proto.workload.ValidateJWTSVIDResponse;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.proto.workload.X509SVIDResponse;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.reason.Refused;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.unix.DomainSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.camel.CamelContext;
import org.apache.camel.Processor;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RpcComponentTest {
  private static final String FETCH = "rpc:workload/SpiffeWorkloadAPI/FetchX509SVID";
  private static final String FETCH_JWT = "rpc:workload/SpiffeWorkloadAPI/FetchJWTSVID";
  private static final String VALIDATE = "rpc:workload/SpiffeWorkloadAPI/ValidateJWTSVID";
  private static final String TALK =
      "rpc:workload/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

  @TempDir Path directory;

  private final MeterRegistry meters = new SimpleMeterRegistry();
  private final EventLoopGroup clientLoop = new EpollEventLoopGroup(1);
  private final CamelContext camel = new DefaultCamelContext();
  private Path socket;
  private ManagedChannel channel;

  @BeforeEach
  void client() {
    socket = directory.resolve("run/api.sock");
    channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toString()))
            .eventLoopGroup(clientLoop)
            .channelType(EpollDomainSocketChannel.class)
            .usePlaintext()
            .overrideAuthority("localhost")
            .build();
  }

  @AfterEach
  void stop() throws Exception {
    channel.shutdownNow();
    camel.close();
    var unused = clientLoop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }

  private RpcServer start(RpcLimits limits, Object... endpointsAndProcessors) throws Exception {
    RpcServer server =
        RpcServer.builder("workload")
            .service(SpiffeWorkloadAPIGrpc.getServiceDescriptor())
            .service(ServerReflectionGrpc.getServiceDescriptor())
            .unix(socket, SocketAccess.EVERYONE)
            .limits(limits)
            .build();
    camel.getRegistry().bind("rpcServer-workload", server);
    camel.getRegistry().bind("meters", meters);
    RpcComponent.addTo(camel);
    camel.addRoutes(
        new RouteBuilder() {
          @Override
          public void configure() {
            for (int i = 0; i < endpointsAndProcessors.length; i += 2) {
              String uri = (String) endpointsAndProcessors[i];
              from(uri)
                  .routeId(uri.substring(uri.lastIndexOf('/') + 1))
                  .process((Processor) endpointsAndProcessors[i + 1]);
            }
          }
        });
    camel.start();
    return server;
  }

  private SpiffeWorkloadAPIGrpc.SpiffeWorkloadAPIBlockingStub stub() {
    return SpiffeWorkloadAPIGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
  }

  private static StatusRuntimeException failure(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    return catchThrowableOfType(StatusRuntimeException.class, call);
  }

  private static ErrorInfo info(StatusRuntimeException failure) throws Exception {
    List<Any> details = StatusProto.fromThrowable(failure).getDetailsList();
    return details.get(details.size() - 1).unpack(ErrorInfo.class);
  }

  @Test
  void a_unary_call_gets_the_body_of_its_route() throws Exception {
    AtomicReference<RpcCall> seen = new AtomicReference<>();
    start(
        RpcLimits.DEFAULTS,
        VALIDATE,
        (Processor)
            exchange -> {
              seen.set(exchange.getVariable(RpcCall.VARIABLE, RpcCall.class));
              ValidateJWTSVIDRequest request =
                  exchange.getMessage().getMandatoryBody(ValidateJWTSVIDRequest.class);
              exchange
                  .getMessage()
                  .setBody(
                      ValidateJWTSVIDResponse.newBuilder()
                          .setSpiffeId("spiffe://example.org/" + request.getAudience())
                          .setClaims(Struct.getDefaultInstance())
                          .build());
            });

    ValidateJWTSVIDResponse response =
        stub().validateJWTSVID(ValidateJWTSVIDRequest.newBuilder().setAudience("a").build());

    assertThat(response.getSpiffeId()).isEqualTo("spiffe://example.org/a");
    RpcPeer.LocalPeer peer = (RpcPeer.LocalPeer) seen.get().peer();
    assertThat(peer.pid()).isEqualTo((int) ProcessHandle.current().pid());
    assertThat(peer.startTime()).isPositive();
    assertThat(seen.get().remaining().orElseThrow())
        .isBetween(Duration.ZERO, Duration.ofSeconds(60));
    await()
        .until(
            () ->
                meters
                        .counter(
                            "serai.rpc.calls",
                            "method",
                            "SpiffeWorkloadAPI/ValidateJWTSVID",
                            "code",
                            "OK")
                        .count()
                    == 1);
  }

  @Test
  void the_trace_id_of_the_caller_reaches_the_route_and_the_refusal() throws Exception {
    start(
        RpcLimits.DEFAULTS,
        VALIDATE,
        (Processor)
            exchange -> {
              throw new RefusalException(
                  ReasonCode.NODE_UNTRUSTED, "no", null, Struct.getDefaultInstance());
            });
    Metadata headers = new Metadata();
    String trace = "0af7651916cd43dd8448eb211c80319c";
    headers.put(
        Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER),
        "00-" + trace + "-b7ad6b7169203331-01");

    StatusRuntimeException failure =
        failure(
            () ->
                stub()
                    .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
                    .validateJWTSVID(ValidateJWTSVIDRequest.getDefaultInstance()));

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(failure.getStatus().getDescription()).isEqualTo("NODE_UNTRUSTED: no");
    assertThat(StatusProto.fromThrowable(failure).getDetails(0).is(Struct.class)).isTrue();
    assertThat(info(failure).getReason()).isEqualTo("NODE_UNTRUSTED");
    assertThat(info(failure).getMetadataOrThrow("traceId")).isEqualTo(trace);
  }

  @Test
  void a_refused_body_ends_the_call_with_its_code() throws Exception {
    start(
        RpcLimits.DEFAULTS,
        VALIDATE,
        (Processor)
            exchange ->
                exchange
                    .getMessage()
                    .setBody(
                        new Refused(
                            new Reason(ReasonCode.ENTRY_UNKNOWN, "gone"), "", Optional.empty())));

    StatusRuntimeException failure =
        failure(() -> stub().validateJWTSVID(ValidateJWTSVIDRequest.getDefaultInstance()));

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND);
    assertThat(info(failure).getReason()).isEqualTo("ENTRY_UNKNOWN");
  }

  @Test
  void a_fault_in_a_route_says_nothing_of_our_insides() throws Exception {
    start(
        RpcLimits.DEFAULTS,
        VALIDATE,
        (Processor)
            exchange -> {
              throw new IllegalStateException("secret of the house");
            });

    StatusRuntimeException failure =
        failure(() -> stub().validateJWTSVID(ValidateJWTSVIDRequest.getDefaultInstance()));

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
    assertThat(info(failure).getReason()).isEqualTo("INTERNAL_ERROR");
    assertThat(failure.toString()).doesNotContain("secret");
  }

  @Test
  void a_route_that_leaves_no_answer_is_a_fault() throws Exception {
    start(RpcLimits.DEFAULTS, VALIDATE, (Processor) exchange -> {});

    StatusRuntimeException failure =
        failure(() -> stub().validateJWTSVID(ValidateJWTSVIDRequest.getDefaultInstance()));

    assertThat(info(failure).getReason()).isEqualTo("INTERNAL_ERROR");
  }

  @Test
  void a_method_without_a_route_is_unimplemented_and_one_whose_route_is_stopped_unavailable()
      throws Exception {
    start(RpcLimits.DEFAULTS, VALIDATE, (Processor) exchange -> {});
    assertThat(
            failure(() -> stub().fetchJWTSVID(JWTSVIDRequest.getDefaultInstance()))
                .getStatus()
                .getCode())
        .isEqualTo(Status.Code.UNIMPLEMENTED);

    camel.getRouteController().stopRoute("ValidateJWTSVID");

    StatusRuntimeException failure =
        failure(() -> stub().validateJWTSVID(ValidateJWTSVIDRequest.getDefaultInstance()));
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(info(failure).getReason()).isEqualTo("NOT_RUNNING");
    assertThat(
            HealthGrpc.newBlockingStub(channel)
                .check(HealthCheckRequest.getDefaultInstance())
                .getStatus())
        .isEqualTo(ServingStatus.NOT_SERVING);

    camel.getRouteController().startRoute("ValidateJWTSVID");

    assertThat(
            HealthGrpc.newBlockingStub(channel)
                .check(HealthCheckRequest.getDefaultInstance())
                .getStatus())
        .isEqualTo(ServingStatus.SERVING);
  }

  @Test
  void a_call_whose_route_is_stopped_under_it_is_told_so_and_is_no_internal_error()
      throws Exception {
    start(
        RpcLimits.DEFAULTS,
        VALIDATE,
        (Processor)
            exchange -> {
              throw new RejectedExecutionException(); // what Camel leaves then
            });
    StatusRuntimeException failure =
        failure(() -> stub().validateJWTSVID(ValidateJWTSVIDRequest.getDefaultInstance()));
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(info(failure).getReason()).isEqualTo("NOT_RUNNING");
  }

  @Test
  void a_stream_stays_open_after_its_route_and_ends_with_a_refusal() throws Exception {
    BlockingQueue<RpcCall> calls = new LinkedBlockingQueue<>();
    CountDownLatch ended = new CountDownLatch(1);
    RpcServer server =
        start(
            RpcLimits.DEFAULTS,
            FETCH,
            (Processor)
                exchange -> {
                  RpcCall call = exchange.getVariable(RpcCall.VARIABLE, RpcCall.class);
                  call.onEnd(ended::countDown);
                  calls.add(call);
                  exchange.getMessage().setBody(X509SVIDResponse.getDefaultInstance());
                });

    Iterator<X509SVIDResponse> answers = stub().fetchX509SVID(X509SVIDRequest.getDefaultInstance());
    answers.next();
    RpcCall call = calls.take();
    assertThat(server.openCalls()).isEqualTo(1);
    call.sendLatest(X509SVIDResponse.newBuilder().addCrl(ByteString.copyFromUtf8("x")).build());
    assertThat(answers.next().getCrlCount()).isEqualTo(1);
    call.refuse(
        new Refused(
            new Reason(ReasonCode.WORKLOAD_NO_ENTRY, "no identity issued"),
            call.traceId(),
            Optional.empty()));

    StatusRuntimeException failure = failure(answers::next);
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(failure.getStatus().getDescription()).isEqualTo("no identity issued");
    assertThat(ended.await(60, TimeUnit.SECONDS)).isTrue();
    assertThat(server.openCalls()).isZero();
    assertThat(call.send(X509SVIDResponse.getDefaultInstance())).isFalse();
  }

  @Test
  void the_route_hears_of_a_client_that_went_away() throws Exception {
    CountDownLatch cancelled = new CountDownLatch(1);
    start(
        RpcLimits.DEFAULTS,
        FETCH,
        (Processor)
            exchange -> {
              exchange.getVariable(RpcCall.VARIABLE, RpcCall.class).onCancel(cancelled::countDown);
              exchange.getMessage().setBody(X509SVIDResponse.getDefaultInstance());
            });
    stub().fetchX509SVID(X509SVIDRequest.getDefaultInstance()).next();

    channel.shutdownNow();

    assertThat(cancelled.await(60, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void a_slow_reader_gets_the_newest_state_and_costs_one_message() throws Exception {
    BlockingQueue<RpcCall> calls = new LinkedBlockingQueue<>();
    start(
        RpcLimits.DEFAULTS,
        FETCH,
        (Processor)
            exchange -> {
              exchange.getMessage().setBody(null);
              calls.add(exchange.getVariable(RpcCall.VARIABLE, RpcCall.class));
            });
    BlockingQueue<X509SVIDResponse> got = new LinkedBlockingQueue<>();
    AtomicReference<io.grpc.stub.ClientCallStreamObserver<X509SVIDRequest>> client =
        new AtomicReference<>();
    SpiffeWorkloadAPIGrpc.newStub(channel)
        .fetchX509SVID(
            X509SVIDRequest.getDefaultInstance(),
            new io.grpc.stub.ClientResponseObserver<X509SVIDRequest, X509SVIDResponse>() {
              @Override
              public void beforeStart(
                  io.grpc.stub.ClientCallStreamObserver<X509SVIDRequest> observer) {
                observer.disableAutoRequestWithInitial(0);
                client.set(observer);
              }

              @Override
              public void onNext(X509SVIDResponse value) {
                got.add(value);
                client.get().request(1);
              }

              @Override
              public void onError(Throwable failure) {}

              @Override
              public void onCompleted() {}
            });
    RpcCall call = calls.take();
    ByteString large = ByteString.copyFrom(new byte[100_000]);
    for (int i = 0; i <= 1000; i++) {
      assertThat(
              call.sendLatest(
                  X509SVIDResponse.newBuilder()
                      .addCrl(large)
                      .putFederatedBundles("i" + i, ByteString.EMPTY)
                      .build()))
          .isTrue();
    }
    client.get().request(1);

    await()
        .untilAsserted(
            () -> assertThat(got).last().matches(r -> r.containsFederatedBundles("i1000")));
    assertThat(got).hasSizeLessThan(100);
  }

  @Test
  void a_reader_that_falls_too_far_behind_loses_its_stream() throws Exception {
    BlockingQueue<RpcCall> calls = new LinkedBlockingQueue<>();
    start(
        RpcLimits.DEFAULTS,
        FETCH,
        (Processor)
            exchange -> {
              exchange.getMessage().setBody(null);
              calls.add(exchange.getVariable(RpcCall.VARIABLE, RpcCall.class));
            });
    Iterator<X509SVIDResponse> unread = stub().fetchX509SVID(X509SVIDRequest.getDefaultInstance());
    RpcCall call = calls.take();
    X509SVIDResponse large =
        X509SVIDResponse.newBuilder().addCrl(ByteString.copyFrom(new byte[1_000_000])).build();
    boolean open = true;
    for (int i = 0; i < 1000 && open; i++) {
      open = call.send(large);
    }

    assertThat(open).isFalse();
    StatusRuntimeException failure = failure(() -> unread.forEachRemaining(r -> {}));
    assertThat(info(failure).getReason()).isEqualTo("OVERLOADED");
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
  }

  @Test
  void a_conversation_is_one_exchange_per_message_in_order() throws Exception {
    start(
        RpcLimits.DEFAULTS,
        TALK,
        (Processor)
            exchange -> {
              RpcCall call = exchange.getVariable(RpcCall.VARIABLE, RpcCall.class);
              ServerReflectionRequest request =
                  exchange.getMessage().getMandatoryBody(ServerReflectionRequest.class);
              String all =
                  (String)
                      call.attributes().merge("all", request.getHost(), (a, b) -> a.toString() + b);
              ServerReflectionResponse one =
                  ServerReflectionResponse.newBuilder().setValidHost(all).build();
              exchange.getMessage().setBody(List.of(one, one));
              if (request.getHost().equals("!")) {
                exchange.setProperty(RpcCall.COMPLETE, true);
              }
            });
    Conversation byProperty = talk("a", "b", "c", "!");
    assertThat(byProperty.answers())
        .containsExactly("a", "a", "ab", "ab", "abc", "abc", "abc!", "abc!");

    Conversation byHalfClose = talk("a", "b");
    byHalfClose.requests.onCompleted();
    assertThat(byHalfClose.answers()).containsExactly("a", "a", "ab", "ab");
  }

  private Conversation talk(String... hosts) {
    Conversation conversation = new Conversation();
    conversation.requests =
        ServerReflectionGrpc.newStub(channel).serverReflectionInfo(conversation);
    for (String host : hosts) {
      conversation.requests.onNext(ServerReflectionRequest.newBuilder().setHost(host).build());
    }
    return conversation;
  }

  private static final class Conversation implements StreamObserver<ServerReflectionResponse> {
    private final BlockingQueue<String> got = new LinkedBlockingQueue<>();
    private final CountDownLatch done = new CountDownLatch(1);
    private StreamObserver<ServerReflectionRequest> requests;

    List<String> answers() throws InterruptedException {
      assertThat(done.await(60, TimeUnit.SECONDS)).isTrue();
      return List.copyOf(got);
    }

    @Override
    public void onNext(ServerReflectionResponse value) {
      got.add(value.getValidHost());
    }

    @Override
    public void onError(Throwable failure) {
      got.add(failure.toString());
      done.countDown();
    }

    @Override
    public void onCompleted() {
      done.countDown();
    }
  }

  @Test
  void more_calls_than_may_wait_are_refused_by_name() throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    CountDownLatch running = new CountDownLatch(1);
    start(
        RpcLimits.DEFAULTS.withWorkers(1, 1),
        FETCH_JWT,
        (Processor)
            exchange -> {
              running.countDown();
              release.await();
              exchange.getMessage().setBody(JWTSVIDResponse.getDefaultInstance());
            });
    var first = future();
    running.await();
    var second = future();
    var third = future();
    // Of the two that came later one waits and the other is refused.
    await().until(() -> second.isDone() || third.isDone());
    var refused = second.isDone() ? second : third;
    StatusRuntimeException failure =
        catchThrowableOfType(java.util.concurrent.ExecutionException.class, refused::get).getCause()
                instanceof StatusRuntimeException status
            ? status
            : null;
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(info(failure).getReason()).isEqualTo("OVERLOADED");
    release.countDown();
    first.get();
    (refused == second ? third : second).get();
  }

  private com.google.common.util.concurrent.ListenableFuture<JWTSVIDResponse> future() {
    return SpiffeWorkloadAPIGrpc.newFutureStub(channel)
        .fetchJWTSVID(JWTSVIDRequest.getDefaultInstance());
  }

  @Test
  void an_oversize_message_is_refused_and_the_connection_lives_on() throws Exception {
    start(
        RpcLimits.DEFAULTS.withMessageBytes(1000),
        FETCH_JWT,
        (Processor)
            exchange -> exchange.getMessage().setBody(JWTSVIDResponse.getDefaultInstance()));

    StatusRuntimeException failure =
        failure(
            () ->
                stub()
                    .fetchJWTSVID(
                        JWTSVIDRequest.newBuilder().setSpiffeId("x".repeat(2000)).build()));

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    stub().fetchJWTSVID(JWTSVIDRequest.getDefaultInstance());
  }

  @Test
  void a_connection_over_the_limit_is_closed() throws Exception {
    start(
        RpcLimits.DEFAULTS.withConnections(10, 1),
        FETCH_JWT,
        (Processor)
            exchange -> exchange.getMessage().setBody(JWTSVIDResponse.getDefaultInstance()));
    stub().fetchJWTSVID(JWTSVIDRequest.getDefaultInstance());
    ManagedChannel second =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toString()))
            .eventLoopGroup(clientLoop)
            .channelType(EpollDomainSocketChannel.class)
            .usePlaintext()
            .overrideAuthority("localhost")
            .build();
    try {
      assertThat(failure(() -> fetch(second)).getStatus().getCode())
          .isEqualTo(Status.Code.UNAVAILABLE);
      channel.shutdownNow();
      await().ignoreExceptions().untilAsserted(() -> fetch(second));
    } finally {
      second.shutdownNow();
    }
  }

  private static void fetch(Channel channel) {
    SpiffeWorkloadAPIGrpc.newBlockingStub(channel)
        .withDeadlineAfter(5, TimeUnit.SECONDS)
        .fetchJWTSVID(JWTSVIDRequest.getDefaultInstance());
  }

  @Test
  void the_socket_is_there_with_its_modes_and_gone_after_the_end() throws Exception {
    start(RpcLimits.DEFAULTS, FETCH, (Processor) exchange -> {});

    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
        .isEqualTo("rwxrwxrwx");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket.getParent())))
        .isEqualTo("rwxr-xr-x");
    camel.stop();
    assertThat(socket).doesNotExist();
  }

  @Test
  void a_socket_left_by_a_dead_process_is_taken_over() throws Exception {
    Files.createDirectories(socket.getParent());
    try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      dead.bind(UnixDomainSocketAddress.of(socket));
    }
    assertThat(socket).exists();

    start(
        RpcLimits.DEFAULTS,
        FETCH_JWT,
        (Processor)
            exchange -> exchange.getMessage().setBody(JWTSVIDResponse.getDefaultInstance()));

    stub().fetchJWTSVID(JWTSVIDRequest.getDefaultInstance());
  }

  @Test
  void a_socket_of_a_living_process_is_left_alone() throws Exception {
    Files.createDirectories(socket.getParent());
    try (ServerSocketChannel living = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      living.bind(UnixDomainSocketAddress.of(socket));

      Throwable failure =
          org.assertj.core.api.Assertions.catchThrowable(
              () -> start(RpcLimits.DEFAULTS, FETCH, (Processor) exchange -> {}));

      assertThat(failure)
          .isInstanceOf(RefusalException.class)
          .extracting(f -> ((RefusalException) f).reason().code())
          .isEqualTo(ReasonCode.CONFIGURATION_INVALID);
      assertThat(socket).exists();
    }
  }

  @Test
  void a_route_that_could_not_bind_starts_once_the_socket_is_free() throws Exception {
    Files.createDirectories(socket.getParent());
    ServerSocketChannel living = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    living.bind(UnixDomainSocketAddress.of(socket));
    camel.setAutoStartup(false);
    start(
        RpcLimits.DEFAULTS,
        FETCH_JWT,
        (Processor)
            exchange -> exchange.getMessage().setBody(JWTSVIDResponse.getDefaultInstance()));
    assertThat(
            org.assertj.core.api.Assertions.catchThrowable(
                () -> camel.getRouteController().startRoute("FetchJWTSVID")))
        .isInstanceOf(RefusalException.class);

    living.close();
    camel.getRouteController().startRoute("FetchJWTSVID");

    stub().fetchJWTSVID(JWTSVIDRequest.getDefaultInstance());
  }

  @Test
  void a_stopping_server_tells_streams_to_come_back() throws Exception {
    start(
        RpcLimits.DEFAULTS,
        FETCH,
        (Processor)
            exchange -> exchange.getMessage().setBody(X509SVIDResponse.getDefaultInstance()));
    Iterator<X509SVIDResponse> answers = stub().fetchX509SVID(X509SVIDRequest.getDefaultInstance());
    answers.next();

    camel.stop();

    assertThat(failure(answers::next).getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
  }

  @Test
  void the_start_time_survives_a_hostile_process_name() {
    String stat = "42 (x) 1 2 (y)) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20 21";

    assertThat(ProcessStart.parse(stat)).hasValue(777);
    assertThat(ProcessStart.parse("42 (x S 1")).isEmpty();
  }
}
