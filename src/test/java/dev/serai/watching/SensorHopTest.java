package dev.serai.watching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.breaker.BreakerPolicy;
import dev.serai.breaker.Breakers;
import dev.serai.location.GeoPoint;
import dev.serai.location.LocateJson;
import dev.serai.location.LocationReading;
import dev.serai.location.Region;
import dev.serai.location.SensorAnswer;
import dev.serai.location.SensorQuestion;
import dev.serai.location.SignedWord;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The question to the sensor role of another process, and what counts as its answer. */
class SensorHopTest {
  private static final SensorQuestion QUESTION =
      new SensorQuestion(
          "n1",
          new LocationReading(
              LocationReading.MOBILE,
              "12d1:1433",
              Optional.of("356345043865103"),
              Optional.empty(),
              Optional.empty(),
              Optional.empty(),
              Optional.of(new LocationReading.Position(40.41, -3.71, 7)),
              Instant.parse("2026-11-26T12:00:00Z"),
              "modem"),
          Optional.of(new Region.Circle("asked", new GeoPoint(40.41, -3.71), 2_000)),
          Duration.ofMinutes(10),
          "0123456789abcdef");

  private static Exchange answer(int status, String body) {
    Exchange exchange = new DefaultExchange(new DefaultCamelContext());
    exchange.getMessage().setHeader(Exchange.HTTP_RESPONSE_CODE, status);
    exchange.getMessage().setBody(body);
    return exchange;
  }

  @Test
  void the_question_goes_out_whole_and_with_nothing_of_the_caller_s_headers() throws Exception {
    Exchange exchange = new DefaultExchange(new DefaultCamelContext());
    exchange.getMessage().setHeader("Authorization", "secret");
    exchange.getMessage().setBody(QUESTION);
    new WriteSensorQuestionProcessor().process(exchange);
    assertThat(exchange.getMessage().getHeader("Authorization")).isNull();
    assertThat(exchange.getMessage().getHeader(Exchange.HTTP_METHOD)).isEqualTo("POST");
    assertThat(LocateJson.readQuestion(exchange.getMessage().getBody(String.class)))
        .isEqualTo(QUESTION);
  }

  @Test
  void the_answer_comes_back_as_it_was_written() throws Exception {
    SensorAnswer sent =
        new SensorAnswer(
            SensorAnswer.Standing.BOUND,
            Optional.of(SensorAnswer.Word.PARTIAL),
            Optional.of("tel:+34696810912"),
            Optional.of(new SignedWord("{}", "c2ln", "k1")),
            Optional.of("{\"keys\":[]}"));
    Exchange exchange = answer(200, LocateJson.write(sent));
    new ReadSensorAnswerProcessor().process(exchange);
    assertThat(exchange.getMessage().getBody()).isEqualTo(sent);
    assertThat(exchange.getMessage().getHeaders()).isEmpty();
  }

  /** Otherwise one subscriber who does not agree would keep all nodes from being located. */
  @Test
  void the_operator_s_silence_about_one_device_is_named_and_is_not_the_sensor_role_s()
      throws Exception {
    InstantSource clock = Clock.systemUTC();
    Breakers.Limits limits = new Breakers.Limits(1, Duration.ofHours(1), 8);
    Breakers breakers = new Breakers(limits, limits, clock, new SimpleMeterRegistry());
    Processor guarded =
        new BreakerPolicy(
                breakers.of(Breakers.Kind.PROVIDER, "sensor"),
                ReasonCode.PEER_UNAVAILABLE,
                Duration.ofSeconds(12))
            .wrap(null, new ReadSensorAnswerProcessor());
    for (String reason : List.of("OPERATOR_AUTHORIZATION_PENDING", "OPERATOR_BUSY", "<script>")) {
      Exchange exchange = answer(503, "{}");
      exchange.getMessage().setHeader("Serai-Reason", reason);
      guarded.process(exchange);
      assertThat(exchange.getException(RefusalException.class).reason().toString())
          .isEqualTo(
              reason.startsWith("<")
                  ? "PEER_UNAVAILABLE: the sensor role answered with status 503"
                  : reason + ": the sensor role says so");
    }
    assertThat(breakers.find(Breakers.Kind.PROVIDER, "sensor").orElseThrow().failures())
        .as("what is none of our codes is the role's own trouble")
        .isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource({
    "200,nothing",
    "200,{}",
    "200,'{\"standing\":\"FINE\"}'",
    "200,'{\"standing\":\"BOUND\",\"operator\":\"YES\"}'",
    "403,'{\"standing\":\"BOUND\"}'",
    "503,'{\"standing\":\"BOUND\"}'",
    "504,''"
  })
  void anything_else_is_no_answer(int status, String body) {
    assertThatThrownBy(() -> new ReadSensorAnswerProcessor().process(answer(status, body)))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> {
              assertThat(e.reason().code()).isEqualTo(ReasonCode.PEER_UNAVAILABLE);
              assertThat(e.reason().detail()).doesNotContain("BOUND");
            });
  }

  /** Its breaker closes for what the role says of others, and not for what is its own trouble. */
  @ParameterizedTest
  @CsvSource({
    "503,OPERATOR_UNREACHABLE,OPERATOR_UNREACHABLE",
    "503,SENSOR_REGISTRY_LOCKED,SENSOR_REGISTRY_LOCKED",
    "429,RATE_LIMITED,PEER_UNAVAILABLE",
    "503,OVERLOADED,PEER_UNAVAILABLE",
    "500,INTERNAL_ERROR,PEER_UNAVAILABLE",
    "503,OPERATOR_NONSENSE,PEER_UNAVAILABLE"
  })
  void the_code_of_whoever_is_behind_the_role_goes_on(int status, String said, ReasonCode code) {
    Exchange exchange = answer(status, "{}");
    exchange.getMessage().setHeader("Serai-Reason", said);
    assertThatThrownBy(() -> new ReadSensorAnswerProcessor().process(exchange))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> {
              assertThat(e.reason().code()).isEqualTo(code);
              assertThat(e.reason().detail()).doesNotContain("NONSENSE");
            });
  }
}
