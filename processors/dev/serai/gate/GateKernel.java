package dev.serai.gate;

import dev.serai.location.Assurance;
import dev.serai.location.DeviceAnswer;
import dev.serai.net.MaterialSource;
import dev.serai.proto.envoy.auth.v3.AuthorizationGrpc;
import dev.serai.rpc.RpcComponent;
import dev.serai.rpc.RpcLimits;
import dev.serai.rpc.RpcServer;
import dev.serai.rpc.SocketAccess;
import dev.serai.spiffe.TrustDomain;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.Set;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;

/**
 * For the benchmark: the shipped routes and their beans, the proxy's call on a unix socket, and a
 * sensor service that says yes.
 */
public final class GateKernel implements AutoCloseable {
  private final DefaultCamelContext camel;
  private final RpcServer server;
  private final ProducerTemplate template;

  private GateKernel(DefaultCamelContext camel, RpcServer server) {
    this.camel = camel;
    this.server = server;
    this.template = camel.createProducerTemplate();
  }

  /**
   * @param identity whose bundle counts
   * @param socket where a proxy of this user asks
   */
  public static GateKernel open(TrustDomain trustDomain, MaterialSource identity, Path socket)
      throws Exception {
    InstantSource clock = Clock.systemUTC();
    DeviceAnswers answers = new DeviceAnswers(Duration.ofHours(1), clock);
    GatePolicy policy = new GatePolicy(GateMode.RUNTIME, Assurance.OPERATOR_VERIFIED, Set.of());
    SimpleMeterRegistry meters = new SimpleMeterRegistry();
    DefaultCamelContext camel = new DefaultCamelContext();
    camel.getRegistry().bind("metricsRegistry", MeterRegistry.class, meters);
    RpcServer server = serve(camel, meters, socket);
    camel.getPropertiesComponent().addInitialProperty("serai.hop.device", "direct:verify-device");
    GateRole.bindDecision(
        camel.getRegistry()::bind,
        new GateSteps(new LeafVerifier(trustDomain, clock), identity, answers, clock),
        answers,
        () -> policy,
        new GateMeters(meters),
        Optional::empty);
    PluginHelper.getRoutesLoader(camel)
        .loadRoutes(
            ResourceHelper.resolveResource(camel, "classpath:routes/gate/decide-gate.camel.yaml"),
            ResourceHelper.resolveResource(
                camel, "classpath:routes/gate/check-request.camel.yaml"));
    camel.addRoutes(
        new RouteBuilder() {
          @Override
          public void configure() {
            from("direct:verify-device")
                .process(exchange -> exchange.getMessage().setBody(DeviceAnswer.CONFIRMED));
          }
        });
    camel.start();
    return new GateKernel(camel, server);
  }

  private static RpcServer serve(DefaultCamelContext camel, SimpleMeterRegistry meters, Path socket)
      throws IOException {
    RpcComponent.addTo(camel);
    RpcServer server =
        RpcServer.builder("gate")
            .service(AuthorizationGrpc.getServiceDescriptor())
            .limits(RpcLimits.DEFAULTS)
            .unix(socket, SocketAccess.OWNER)
            .build();
    int user = (Integer) Files.getAttribute(socket.getParent(), "unix:uid");
    camel.getRegistry().bind("rpcServer-gate", server);
    camel.getRegistry().bind("authorizeProxy", new AuthorizeProxyProcessor(Set.of(), Set.of(user)));
    camel
        .getRegistry()
        .bind(
            "readCheck",
            new ReadCheckProcessor(ReadCheckProcessor.Source.PEER, new GateMeters(meters)));
    camel.getRegistry().bind("answerCheck", new AnswerCheckProcessor());
    return server;
  }

  /** One decision through the route. Safe for any thread. */
  public boolean decide(String pem) {
    return template.requestBody("direct:gate", GateRequest.of(pem)) instanceof GateDecision decision
        && decision.isAllowed();
  }

  @Override
  public void close() throws Exception {
    template.stop();
    camel.stop();
    server.close();
  }
}
