package dev.serai.gate;

import dev.serai.net.SpiffeChannels;
import dev.serai.proto.envoy.auth.v3.AttributeContext;
import dev.serai.proto.envoy.auth.v3.AuthorizationGrpc;
import dev.serai.proto.envoy.auth.v3.CheckRequest;
import dev.serai.proto.envoy.auth.v3.CheckResponse;
import dev.serai.proto.envoy.auth.v3.HeaderValueOption;
import dev.serai.spiffe.SpiffeId;
import dev.serai.testing.GivenIdentities;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.TestAuthority;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The gate role as shipped, a sensor service and a proxy, each with an identity of its own. */
final class GateFixture implements AutoCloseable {
  final TestAuthority authority = new TestAuthority("test.example");
  final GivenIdentities identities = new GivenIdentities(authority);
  final Svids svids = new Svids(authority);
  final FakeSensor sensor;
  final SeraiHarness serai;
  private volatile Duration offset = Duration.ZERO;
  private final ManagedChannel proxy;

  /**
   * @param settings pairs of key and value
   */
  GateFixture(Map<String, String> settings) throws IOException {
    sensor = new FakeSensor(identities);
    SeraiHarness harness =
        SeraiHarness.roles("gate")
            .withClock(() -> Instant.now().plus(offset))
            .with("serai.gate.proxies", "/envoy/edge")
            .with("serai.gate.sensor", "127.0.0.1:" + sensor.port())
            .with("serai.gate.deadline", "20s");
    settings.forEach(harness::with);
    serai = harness.withRole(identities).start();
    proxy = channel("/envoy/edge");
  }

  ManagedChannel channel(String path) {
    return SpiffeChannels.tls(
        "127.0.0.1",
        serai.port("serai.gate.port"),
        identities.of(path),
        SpiffeId.parse("spiffe://test.example/serai/gate"));
  }

  void advance(Duration by) {
    offset = offset.plus(by);
  }

  static CheckRequest request(String certificate, Map<String, String> headers) {
    return CheckRequest.newBuilder()
        .setAttributes(
            AttributeContext.newBuilder()
                .setSource(
                    AttributeContext.Peer.newBuilder()
                        .setPrincipal("spiffe://test.example/whoever/says/so")
                        .setCertificate(certificate))
                .setRequest(
                    AttributeContext.Request.newBuilder()
                        .setHttp(
                            AttributeContext.HttpRequest.newBuilder()
                                .setMethod("GET")
                                .setPath("/")
                                .putAllHeaders(headers))))
        .build();
  }

  /** What the proxy is told about a TLS client with this certificate. */
  CheckResponse check(String pem) {
    return check(Svids.encoded(pem), Map.of());
  }

  CheckResponse check(String certificate, Map<String, String> headers) {
    return AuthorizationGrpc.newBlockingStub(proxy)
        .withDeadlineAfter(60, TimeUnit.SECONDS)
        .check(request(certificate, headers));
  }

  static String header(CheckResponse answer, String name) {
    return answer.getOkResponse().getHeadersList().stream()
        .map(HeaderValueOption::getHeader)
        .filter(header -> header.getKey().equals(name))
        .map(header -> header.getValue())
        .findFirst()
        .orElse("");
  }

  @Override
  public void close() {
    proxy.shutdownNow();
    serai.close();
    sensor.close();
  }
}
