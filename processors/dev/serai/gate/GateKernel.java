package dev.serai.gate;

import dev.serai.location.Assurance;
import dev.serai.location.DeviceAnswer;
import dev.serai.net.MaterialSource;
import dev.serai.spiffe.TrustDomain;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
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

/** For the benchmark: the shipped route and its beans, and a sensor service that says yes. */
public final class GateKernel implements AutoCloseable {
  private final DefaultCamelContext camel;
  private final ProducerTemplate template;

  private GateKernel(DefaultCamelContext camel) {
    this.camel = camel;
    this.template = camel.createProducerTemplate();
  }

  /**
   * @param identity whose bundle counts
   */
  public static GateKernel open(TrustDomain trustDomain, MaterialSource identity) throws Exception {
    InstantSource clock = Clock.systemUTC();
    DeviceAnswers answers = new DeviceAnswers(Duration.ofHours(1), clock);
    GatePolicy policy = new GatePolicy(GateMode.RUNTIME, Assurance.OPERATOR_VERIFIED, Set.of());
    DefaultCamelContext camel = new DefaultCamelContext();
    camel.getPropertiesComponent().addInitialProperty("serai.hop.device", "direct:verify-device");
    GateRole.bindDecision(
        camel.getRegistry()::bind,
        new GateSteps(new LeafVerifier(trustDomain, clock), identity, answers, clock),
        answers,
        () -> policy,
        new GateMeters(new SimpleMeterRegistry()),
        Optional::empty);
    PluginHelper.getRoutesLoader(camel)
        .loadRoutes(
            ResourceHelper.resolveResource(camel, "classpath:routes/gate/decide-gate.camel.yaml"));
    camel.addRoutes(
        new RouteBuilder() {
          @Override
          public void configure() {
            from("direct:verify-device")
                .process(exchange -> exchange.getMessage().setBody(DeviceAnswer.CONFIRMED));
          }
        });
    camel.start();
    return new GateKernel(camel);
  }

  /** One decision through the route. Safe for any thread. */
  public boolean decide(String pem) {
    return template.requestBody("direct:gate", GateRequest.of(pem)) instanceof GateDecision decision
        && decision.isAllowed();
  }

  @Override
  public void close() {
    template.stop();
    camel.stop();
  }
}
