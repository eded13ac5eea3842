package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.net.SpiffeChannels;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.spiffe.TrustDomain;
import dev.serai.testing.SeraiHarness;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.StreamObserver;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The issuer says by grpc.health.v1 how it is, to anybody who can reach it. */
class GrpcHealthTest {
  @Test
  void probes_without_a_certificate_see_the_issuer_serve_pause_and_stop() throws Exception {
    BlockingQueue<Object> told = new LinkedBlockingQueue<>();
    ManagedChannel anybody;
    try (SeraiHarness serai = SeraiHarness.roles("issuer").start()) {
      List<X509Certificate> bundle = bundle(serai.stateDir().resolve("bundle.pem"));
      anybody =
          SpiffeChannels.bundleOnly(
              "127.0.0.1",
              serai.port("serai.issuer.port"),
              () -> bundle,
              TrustDomain.parse("test.example").withPath("/spire/server"));
      assertThat(check(anybody, "")).isEqualTo(ServingStatus.SERVING);
      assertThat(check(anybody, AgentGrpc.SERVICE_NAME)).isEqualTo(ServingStatus.SERVING);
      assertThatThrownBy(() -> check(anybody, "no.such.Service"))
          .isInstanceOfSatisfying(
              StatusRuntimeException.class,
              e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND));
      ManagedChannel admin =
          SpiffeChannels.unix(Path.of(serai.setting("serai.issuer.admin-socket")));
      assertThat(check(admin, AgentGrpc.SERVICE_NAME)).isEqualTo(ServingStatus.SERVING);
      admin.shutdownNow();

      watch(anybody, AgentGrpc.SERVICE_NAME, told);
      assertThat(next(told)).isEqualTo(ServingStatus.SERVING);
      serai.camel().getRouteController().stopRoute("attest-agent");
      assertThat(next(told)).isEqualTo(ServingStatus.NOT_SERVING);
      assertThat(check(anybody, "")).isEqualTo(ServingStatus.NOT_SERVING);
      serai.camel().getRouteController().startRoute("attest-agent");
      assertThat(next(told)).isEqualTo(ServingStatus.SERVING);
    }
    assertThat(next(told)).as("on stop").isEqualTo(ServingStatus.NOT_SERVING);
    assertThat(next(told))
        .isIn(Status.Code.UNAVAILABLE, Status.Code.CANCELLED); // a server that goes
    anybody.shutdownNow();
  }

  private static List<X509Certificate> bundle(Path pem) throws Exception {
    try (InputStream in = Files.newInputStream(pem)) {
      return CertificateFactory.getInstance("X.509").generateCertificates(in).stream()
          .map(X509Certificate.class::cast)
          .toList();
    }
  }

  private static ServingStatus check(ManagedChannel channel, String service) {
    return HealthGrpc.newBlockingStub(channel)
        .withDeadlineAfter(60, TimeUnit.SECONDS)
        .check(HealthCheckRequest.newBuilder().setService(service).build())
        .getStatus();
  }

  private static void watch(ManagedChannel channel, String service, BlockingQueue<Object> told) {
    HealthGrpc.newStub(channel)
        .watch(
            HealthCheckRequest.newBuilder().setService(service).build(),
            new StreamObserver<HealthCheckResponse>() {
              @Override
              public void onNext(HealthCheckResponse response) {
                told.add(response.getStatus());
              }

              @Override
              public void onError(Throwable failure) {
                told.add(Status.fromThrowable(failure).getCode());
              }

              @Override
              public void onCompleted() {
                told.add(Status.Code.OK);
              }
            });
  }

  private static Object next(BlockingQueue<Object> told) throws InterruptedException {
    Object seen = told.poll(60, TimeUnit.SECONDS);
    assertThat(seen).isNotNull();
    return seen;
  }
}
