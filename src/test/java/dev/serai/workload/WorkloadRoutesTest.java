package dev.serai.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.rpc.ErrorInfo;
import dev.serai.proto.workload.JWTBundlesRequest;
import dev.serai.proto.workload.JWTSVIDRequest;
import dev.serai.proto.workload.JWTSVIDResponse;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc.SpiffeWorkloadAPIBlockingStub;
import dev.serai.proto.workload.ValidateJWTSVIDRequest;
import dev.serai.proto.workload.X509BundlesRequest;
import dev.serai.proto.workload.X509SVIDRequest;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.camel.Processor;
import org.apache.camel.builder.AdviceWith;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the shipped routes do when one of their steps fails. */
class WorkloadRoutesTest {
  @TempDir Path directory;
  private WorkloadApiFixture api;

  @BeforeEach
  void start() throws Exception {
    api = new WorkloadApiFixture(directory);
    api.give(
        api.identity(
            "/mine", "", "unix:uid:" + Files.getAttribute(Path.of("/proc/self"), "unix:uid")));
  }

  @AfterEach
  void stop() throws Exception {
    api.close();
  }

  private Iterator<?> call(String route) {
    Metadata metadata = new Metadata();
    metadata.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    SpiffeWorkloadAPIBlockingStub stub =
        SpiffeWorkloadAPIGrpc.newBlockingStub(api.channel())
            .withDeadlineAfter(60, TimeUnit.SECONDS)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
    return switch (route) {
      case "fetch-x509-bundles" -> stub.fetchX509Bundles(X509BundlesRequest.getDefaultInstance());
      case "fetch-jwt-bundles" -> stub.fetchJWTBundles(JWTBundlesRequest.getDefaultInstance());
      case "fetch-jwt-svid" -> List.of(token(stub)).iterator();
      case "validate-jwt-svid" ->
          List.of(
                  stub.validateJWTSVID(
                      ValidateJWTSVIDRequest.newBuilder()
                          .setAudience("db")
                          .setSvid(
                              api.jwtAuthority.token(
                                  "/mine", List.of("db"), Instant.now(), Duration.ofMinutes(5)))
                          .build()))
              .iterator();
      default -> stub.fetchX509SVID(X509SVIDRequest.getDefaultInstance());
    };
  }

  private static JWTSVIDResponse token(SpiffeWorkloadAPIBlockingStub stub) {
    return stub.fetchJWTSVID(JWTSVIDRequest.newBuilder().addAudience("db").build());
  }

  private void weave(String route, String step, Processor instead) throws Exception {
    AdviceWith.adviceWith(
        api.camel, route, advice -> advice.weaveById(step).replace().process(instead));
  }

  @ParameterizedTest
  @CsvSource({
    "attest-workload, check-security-header, fetch-x509-svid",
    "attest-workload, attest-caller, fetch-x509-svid",
    "attest-workload, check-security-header, fetch-x509-bundles",
    "attest-workload, attest-caller, fetch-x509-bundles",
    "fetch-x509-svid, to-attest-workload-for-svids, fetch-x509-svid",
    "fetch-x509-svid, stream-x509-svids, fetch-x509-svid",
    "fetch-x509-bundles, to-attest-workload-for-bundles, fetch-x509-bundles",
    "fetch-x509-bundles, stream-x509-bundles, fetch-x509-bundles",
    "attest-workload, check-security-header, fetch-jwt-svid",
    "attest-workload, attest-caller, validate-jwt-svid",
    "fetch-jwt-svid, to-attest-workload-for-jwt-svids, fetch-jwt-svid",
    "fetch-jwt-svid, read-jwt-request, fetch-jwt-svid",
    "fetch-jwt-svid, fetch-jwt-svids, fetch-jwt-svid",
    "fetch-jwt-bundles, to-attest-workload-for-jwt-bundles, fetch-jwt-bundles",
    "fetch-jwt-bundles, stream-jwt-bundles, fetch-jwt-bundles",
    "validate-jwt-svid, to-attest-workload-for-validation, validate-jwt-svid",
    "validate-jwt-svid, verify-jwt-svid, validate-jwt-svid"
  })
  void a_step_that_fails_refuses(String route, String step, String called) throws Exception {
    assertThat(call(called).next()).isNotNull();
    weave(
        route,
        step,
        exchange -> {
          throw new IllegalStateException("planted");
        });

    StatusRuntimeException failure =
        catchThrowableOfType(StatusRuntimeException.class, () -> call(called).next());

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
    ErrorInfo info = StatusProto.fromThrowable(failure).getDetails(0).unpack(ErrorInfo.class);
    assertThat(info.getReason()).isEqualTo("INTERNAL_ERROR");
    assertThat(failure.toString()).doesNotContain("planted");
  }

  @ParameterizedTest
  @CsvSource({
    "attest-workload, attest-caller, fetch-x509-svid",
    "fetch-x509-svid, to-attest-workload-for-svids, fetch-x509-svid",
    "fetch-x509-bundles, to-attest-workload-for-bundles, fetch-x509-bundles",
    "fetch-jwt-svid, to-attest-workload-for-jwt-svids, fetch-jwt-svid",
    "fetch-jwt-bundles, to-attest-workload-for-jwt-bundles, fetch-jwt-bundles",
    "validate-jwt-svid, to-attest-workload-for-validation, validate-jwt-svid"
  })
  void without_attestation_nothing_is_handed_out(String route, String step, String called)
      throws Exception {
    weave(route, step, exchange -> {});

    StatusRuntimeException failure =
        catchThrowableOfType(StatusRuntimeException.class, () -> call(called).next());

    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
  }

  @Test
  void a_stopped_route_is_unavailable_and_its_open_streams_live_on() throws Exception {
    Iterator<?> open = call("fetch-x509-svid");
    open.next();

    api.camel.getRouteController().stopRoute("fetch-x509-svid");

    StatusRuntimeException failure =
        catchThrowableOfType(StatusRuntimeException.class, () -> call("fetch-x509-svid").next());
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    api.give(
        api.identity(
            "/mine", "", "unix:uid:" + Files.getAttribute(Path.of("/proc/self"), "unix:uid")));
    assertThat(open.next()).isNotNull();
    api.camel.getRouteController().startRoute("fetch-x509-svid");
    assertThat(call("fetch-x509-svid").next()).isNotNull();
  }
}
