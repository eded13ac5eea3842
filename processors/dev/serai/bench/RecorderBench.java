package dev.serai.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.flow.FlowRecorder;
import dev.serai.reason.ReasonCode;
import dev.serai.role.TraceId;
import java.io.IOException;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;

/** What the flow recorder adds to a step of a route: the same route with and without it. */
public final class RecorderBench {
  private static final int STEPS = 20;

  private RecorderBench() {}

  /** One line of JSON. */
  public static String run() throws IOException {
    try (DefaultCamelContext bare = context(Optional.empty());
        DefaultCamelContext recorded =
            context(
                Optional.of(new FlowRecorder(t -> ReasonCode.INTERNAL_ERROR, Clock.systemUTC())))) {
      double[] nanos = AlternatingRounds.nanosPerOperation(List.of(kernel(bare), kernel(recorded)));
      ObjectNode line = new ObjectMapper().createObjectNode();
      line.put("bench", "recorder")
          .put("steps", STEPS)
          .put("flow_without_us", Math.round(nanos[0] / 100) / 10.0)
          .put("flow_with_us", Math.round(nanos[1] / 100) / 10.0)
          .put("recorder_ns_per_step", Math.round((nanos[1] - nanos[0]) / STEPS));
      return line.toString();
    }
  }

  private static AlternatingRounds.Kernel kernel(DefaultCamelContext context) {
    ProducerTemplate template = context.createProducerTemplate();
    return () -> {
      Exchange done =
          template.request(
              "direct:bench", exchange -> exchange.setVariable(TraceId.VARIABLE, TraceId.random()));
      return !done.isFailed();
    };
  }

  private static DefaultCamelContext context(Optional<FlowRecorder> recorder) {
    try {
      DefaultCamelContext context = new DefaultCamelContext();
      context.disableJMX();
      recorder.ifPresent(r -> context.getCamelContextExtension().addInterceptStrategy(r));
      context.addRoutes(
          new RouteBuilder() {
            @Override
            public void configure() {
              var route = from("direct:bench").routeId("bench");
              for (int i = 0; i < STEPS; i++) {
                route.process(exchange -> {}).id("step-" + i);
              }
            }
          });
      context.start();
      return context;
    } catch (Exception e) {
      throw new IllegalStateException("the benchmark's routes do not start", e);
    }
  }
}
