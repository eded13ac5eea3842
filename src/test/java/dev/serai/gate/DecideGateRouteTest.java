package dev.serai.gate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.serai.app.RefuseProcessor;
import dev.serai.location.Assurance;
import dev.serai.location.DeviceAnswer;
import dev.serai.location.DeviceQuestion;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.reason.Refused;
import dev.serai.spiffe.TrustDomain;
import dev.serai.testing.GivenIdentities;
import dev.serai.testing.TestAuthority;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.camel.CamelContext;
import org.apache.camel.Processor;
import org.apache.camel.RoutesBuilder;
import org.apache.camel.builder.AdviceWith;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.apache.camel.test.junit5.CamelTestSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The shipped route with the shipped error handling, and a sensor service that belongs to the test.
 */
class DecideGateRouteTest extends CamelTestSupport {
  private static final Path ROUTE = Path.of("routes/gate/decide-gate.camel.yaml");
  private static final TestAuthority AUTHORITY = new TestAuthority("test.example");
  private static final String GOOD =
      new Svids(AUTHORITY).svid(Svids.mobile("operator-verified", "ab".repeat(32)));

  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final List<Object> asked = new ArrayList<>();
  private GatePolicy policy =
      new GatePolicy(GateMode.RUNTIME, Assurance.OPERATOR_VERIFIED, Set.of());
  private Object said = DeviceAnswer.CONFIRMED;
  private Optional<RuntimeException> trouble = Optional.empty();

  /** Step id to bean name, in the order of the file. */
  static Map<String, String> steps() throws IOException {
    Map<String, String> found = new LinkedHashMap<>();
    collect(new ObjectMapper(new YAMLFactory()).readTree(ROUTE.toFile()), found);
    return found;
  }

  private static void collect(JsonNode node, Map<String, String> found) {
    if (node.isObject() && node.has("process")) {
      found.put(node.at("/process/id").asText(), node.at("/process/ref").asText());
    }
    node.forEach(child -> collect(child, found));
  }

  static Stream<String> stepIds() throws IOException {
    return Stream.concat(steps().keySet().stream(), Stream.of("to-verify-device"));
  }

  @Override
  protected CamelContext createCamelContext() {
    DefaultCamelContext camel = new DefaultCamelContext();
    camel.getPropertiesComponent().addInitialProperty("serai.hop.device", "direct:verify-device");
    InstantSource clock = Clock.systemUTC();
    DeviceAnswers answers = new DeviceAnswers(Duration.ofSeconds(30), clock);
    GateRole.bindDecision(
        camel.getRegistry()::bind,
        new GateSteps(
            new LeafVerifier(TrustDomain.parse("test.example"), clock),
            new GivenIdentities(AUTHORITY).forRole("gate"),
            answers,
            clock),
        answers,
        () -> policy,
        new GateMeters(meters),
        Optional::empty);
    camel
        .getRegistry()
        .bind("refuse", new RefuseProcessor(meters, InstantSource.fixed(Instant.EPOCH)));
    return camel;
  }

  @Override
  protected RoutesBuilder createRouteBuilder() {
    return new RouteBuilder() {
      @Override
      public void configure() throws Exception {
        PluginHelper.getRoutesLoader(getContext())
            .loadRoutes(
                ResourceHelper.resolveResource(
                    getContext(), "file:routes/common/error-handling.camel.yaml"),
                ResourceHelper.resolveResource(getContext(), "file:" + ROUTE));
        from("direct:verify-device")
            .process(
                exchange -> {
                  asked.add(exchange.getMessage().getBody());
                  if (trouble.isPresent()) {
                    throw trouble.get();
                  }
                  exchange.getMessage().setBody(said);
                });
      }
    };
  }

  private Object ask() {
    return template.requestBody("direct:gate", GateRequest.of(GOOD));
  }

  private void weave(String step, Processor instead) throws Exception {
    AdviceWith.adviceWith(
        context, "decide-gate", advice -> advice.weaveById(step).replace().process(instead));
  }

  @Test
  void a_good_svid_passes_after_one_question_that_holds_only_a_pseudonym() {
    assertThat(ask())
        .isInstanceOfSatisfying(
            GateDecision.class, decision -> assertThat(decision.isAllowed()).isTrue());
    assertThat(asked)
        .singleElement()
        .isInstanceOfSatisfying(
            DeviceQuestion.class,
            question -> {
              assertThat(question.device()).contains("ab".repeat(32));
              assertThat(question.fresh()).isFalse();
              assertThat(question.toString()).doesNotContain("abab");
            });
    assertThat(meters.get("serai.gate.decisions").tag("result", "allowed").timer().count())
        .isEqualTo(1);
  }

  @ParameterizedTest
  @EnumSource(DeviceAnswer.class)
  void only_a_confirmation_opens(DeviceAnswer answer) {
    said = answer;
    GateDecision decision = (GateDecision) ask();
    assertThat(decision.isAllowed()).isEqualTo(answer == DeviceAnswer.CONFIRMED);
    ask();
    // What is not known is asked again; a yes and a no are remembered for a while.
    assertThat(asked).hasSize(answer == DeviceAnswer.UNKNOWN ? 2 : 1);
  }

  @Test
  void a_service_that_cannot_be_asked_is_no_answer() {
    trouble = Optional.of(new RefusalException(ReasonCode.GATE_UNAVAILABLE, "away"));
    assertThat(((Refused) ask()).reason().code()).isEqualTo(ReasonCode.GATE_UNAVAILABLE);
    trouble = Optional.empty();
    assertThat(((GateDecision) ask()).isAllowed()).isTrue();
  }

  @ParameterizedTest
  @EnumSource(names = {"OPERATOR_UNREACHABLE", "DATABASE_UNAVAILABLE", "DEADLINE_EXCEEDED"})
  void what_keeps_the_service_from_answering_is_the_detail_and_not_the_code(ReasonCode code) {
    trouble = Optional.of(new RefusalException(code, "no answer"));
    Refused refused = (Refused) ask();
    assertThat(refused.reason().code()).isEqualTo(ReasonCode.GATE_UNAVAILABLE);
    assertThat(refused.reason().detail()).contains(code.name());
    trouble = Optional.empty();
    assertThat(((GateDecision) ask()).isAllowed()).isTrue();
  }

  @Test
  void a_text_that_reads_like_an_answer_is_none() {
    said = "CONFIRMED";
    assertThat(((Refused) ask()).reason().code()).isEqualTo(ReasonCode.GATE_ANSWER_INVALID);
  }

  @Test
  void strict_asks_afresh_each_time() {
    policy = new GatePolicy(GateMode.STRICT, Assurance.OPERATOR_VERIFIED, Set.of());
    ask();
    ask();
    assertThat(asked).hasSize(2).allMatch(question -> ((DeviceQuestion) question).fresh());
  }

  @ParameterizedTest
  @MethodSource("stepIds")
  void a_step_that_throws_refuses(String step) throws Exception {
    weave(
        step,
        exchange -> {
          throw new IllegalStateException("planted in " + step);
        });
    assertThat(ask())
        .isInstanceOfSatisfying(
            Refused.class,
            refused -> {
              assertThat(refused.reason().code()).isEqualTo(ReasonCode.INTERNAL_ERROR);
              assertThat(refused.reason().detail()).doesNotContain("planted");
            });
  }

  @ParameterizedTest
  @MethodSource("stepIds")
  void a_step_that_does_nothing_lets_nobody_pass(String step) throws Exception {
    weave(step, exchange -> {});
    Object result = ask();
    if (step.equals("recall-device")) { // only spares a question
      assertThat(((GateDecision) result).isAllowed()).isTrue();
    } else {
      assertThat(result)
          .as("%s", result)
          .satisfiesAnyOf(
              end -> assertThat(end).isInstanceOf(Refused.class),
              end -> assertThat(end).isInstanceOf(GateCase.class));
    }
  }
}
