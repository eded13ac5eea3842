package dev.serai.appraisal;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.serai.app.RefuseProcessor;
import dev.serai.location.SensorQuestion;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.reason.Refused;
import dev.serai.signing.Signatures;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The shipped route with the shipped error handling. */
class AppraiseEvidenceRouteTest {
  private static final Path ROUTE = Path.of("routes/verifier/appraise-evidence.camel.yaml");

  private static final Path LOCATION_ROUTE = Path.of("routes/verifier/locate-node.camel.yaml");

  private final Map<String, Baseline> baselines = new ConcurrentHashMap<>();
  private final List<Object> asked = new ArrayList<>();
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();

  private final BaselineStore store =
      new BaselineStore() {
        @Override
        public Baseline load(String nodeId) {
          return baselines.getOrDefault(nodeId, Baseline.NONE);
        }

        @Override
        public void save(String nodeId, Baseline baseline) {
          baselines.put(nodeId, baseline);
        }
      };

  /** Step id to bean name, in the order of the file. */
  static Map<String, String> steps() throws IOException {
    Map<String, String> found = new TreeMap<>();
    collect(new ObjectMapper(new YAMLFactory()).readTree(ROUTE.toFile()), found);
    collect(new ObjectMapper(new YAMLFactory()).readTree(LOCATION_ROUTE.toFile()), found);
    return found;
  }

  private static void collect(JsonNode node, Map<String, String> found) {
    if (node.isObject() && node.has("process")) {
      found.put(node.at("/process/id").asText(), node.at("/process/ref").asText());
    }
    node.forEach(child -> collect(child, found));
  }

  static Stream<String> stepBeans() throws IOException {
    return steps().values().stream();
  }

  private Object run(Evidence evidence) throws Exception {
    return run(evidence, Map.of(), evidence::node);
  }

  private Object run(Evidence evidence, String bean, Processor instead) throws Exception {
    return run(evidence, Map.of(bean, instead), evidence::node);
  }

  private Object run(
      Evidence evidence, Map<String, Processor> instead, Supplier<NodeRecord> registrar)
      throws Exception {
    try (DefaultCamelContext camel = new DefaultCamelContext()) {
      camel
          .getPropertiesComponent()
          .addInitialProperty("serai.hop.node-record", "direct:lookup-node");
      camel.getPropertiesComponent().addInitialProperty("serai.hop.locate", "direct:locate-device");
      AppraisalBeans.bind(
          (name, bean) ->
              camel.getRegistry().bind(name, instead.containsKey(name) ? instead.get(name) : bean),
          meters,
          Signatures.fastest(),
          Optional.of(evidence.policy),
          store,
          TestLocations.steps(evidence.locations, evidence.now));
      camel
          .getRegistry()
          .bind("refuse", new RefuseProcessor(meters, InstantSource.fixed(Instant.EPOCH)));
      PluginHelper.getRoutesLoader(camel)
          .loadRoutes(
              ResourceHelper.resolveResource(camel, "file:routes/common/error-handling.camel.yaml"),
              ResourceHelper.resolveResource(camel, "file:" + ROUTE),
              ResourceHelper.resolveResource(camel, "file:" + LOCATION_ROUTE));
      camel.addRoutes(
          new RouteBuilder() {
            @Override
            public void configure() {
              from("direct:locate-device")
                  .process(
                      exchange ->
                          exchange
                              .getMessage()
                              .setBody(
                                  evidence.sensor.apply(
                                      exchange
                                          .getMessage()
                                          .getMandatoryBody(SensorQuestion.class))));
              from("direct:watch-from-now").process(exchange -> {}); // the watch list's own test
              from("direct:lookup-node")
                  .process(
                      exchange -> {
                        asked.add(exchange.getMessage().getBody());
                        exchange.getMessage().setBody(registrar.get());
                      });
            }
          });
      camel.start();
      Exchange answer =
          camel
              .createProducerTemplate()
              .request(
                  "direct:appraise-evidence",
                  exchange -> exchange.getMessage().setBody(evidence.request()));
      assertThat(answer.getException()).isNull();
      return answer.getMessage().getBody();
    }
  }

  @Test
  void good_evidence_is_trusted_and_its_baseline_is_stored() throws Exception {
    Object answer = run(Evidence.p256());

    assertThat(answer).isInstanceOf(Trusted.class);
    assertThat(((Trusted) answer).isTrusted()).isTrue();
    assertThat(asked).containsExactly(Evidence.NODE);
    assertThat(baselines).containsEntry(Evidence.NODE, ((Trusted) answer).baseline());
    assertThat(meters.get("serai.appraisal").tag("result", "trusted").timer().count()).isEqualTo(1);
  }

  @Test
  void bad_evidence_is_rejected_and_leaves_no_baseline() throws Exception {
    Evidence evidence = Evidence.p256();
    evidence.quoteSigner = SoftwareTpm.OTHER_P256;
    Object answer = run(evidence);

    assertThat(((Rejected) answer).reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.SIGNATURE_INVALID);
    assertThat(baselines).isEmpty();
    assertThat(meters.get("serai.appraisal").tag("result", "rejected").timer().count())
        .isEqualTo(1);
  }

  @Test
  void a_replay_is_rejected_before_the_registrar_is_asked() throws Exception {
    Evidence evidence = Evidence.p256();
    evidence.standing = ChallengeStanding.USED;
    Object answer = run(evidence);

    assertThat(((Rejected) answer).first().code()).isEqualTo(ReasonCode.NONCE_USED);
    assertThat(asked).isEmpty();
  }

  @Test
  void a_second_appraisal_compares_with_the_first() throws Exception {
    run(Evidence.p256());
    Evidence later = Evidence.p256();
    later.pcrs.put(7, Evidence.value(9));
    Object answer = run(later);

    assertThat(((Rejected) answer).first().code()).isEqualTo(ReasonCode.PCR_VALUE_NOT_ALLOWED);
  }

  @Test
  void an_unknown_node_is_refused_by_the_registrar_s_code() throws Exception {
    Object answer =
        run(
            Evidence.p256(),
            Map.of(),
            () -> {
              throw new RefusalException(ReasonCode.NODE_UNKNOWN, "not enrolled");
            });
    assertThat(((Refused) answer).reason().code()).isEqualTo(ReasonCode.NODE_UNKNOWN);
  }

  @ParameterizedTest
  @MethodSource("stepBeans")
  void a_step_that_throws_refuses(String bean) throws Exception {
    Object answer =
        run(
            TestLocations.located(Evidence.p256()),
            bean,
            exchange -> {
              throw new IllegalStateException("planted in " + bean);
            });
    assertThat(((Refused) answer).reason().code()).isEqualTo(ReasonCode.INTERNAL_ERROR);
    assertThat(((Refused) answer).reason().detail()).doesNotContain("planted");
  }

  @ParameterizedTest
  @MethodSource("stepBeans")
  void a_step_that_does_nothing_gives_no_trust(String bean) throws Exception {
    Object answer = run(TestLocations.located(Evidence.p256()), bean, exchange -> {});

    if (bean.equals("saveBaseline")) { // judges nothing
      assertThat(answer).isInstanceOf(Trusted.class);
    } else {
      assertThat(answer).isNotInstanceOf(Trusted.class);
    }
  }
}
