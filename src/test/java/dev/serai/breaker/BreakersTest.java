package dev.serai.breaker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.breaker.Breaker.State;
import dev.serai.breaker.Breakers.Kind;
import dev.serai.breaker.Breakers.Limits;
import dev.serai.deadline.Deadline;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.AsyncProcessorConverterHelper;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.Test;

class BreakersTest {
  private static final Duration OPEN = Duration.ofSeconds(30);
  private final AtomicReference<Instant> now =
      new AtomicReference<>(Instant.parse("2030-01-01T00:00:00Z"));
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final Breakers breakers =
      new Breakers(new Limits(3, OPEN, 4), new Limits(2, OPEN, 4), now::get, meters);

  private void pass(Duration time) {
    now.updateAndGet(instant -> instant.plus(time));
  }

  private Breaker opened(String name) {
    Breaker breaker = breakers.of(Kind.NODE, name);
    for (int i = 0; i < 3; i++) {
      assertThat(breaker.tryAcquire()).isTrue();
      breaker.failed("silent " + i);
    }
    return breaker;
  }

  @Test
  void failures_in_a_row_open_it_and_it_says_since_when_why_and_until_when() {
    pass(Duration.ofSeconds(1));
    Breaker breaker = opened("n");
    assertThat(breaker.tryAcquire()).isFalse();
    BreakerState state = breakers.find(Kind.NODE, "n").orElseThrow();
    assertThat(state.state()).isEqualTo(State.OPEN);
    assertThat(state.since()).isEqualTo(now.get());
    assertThat(state.failures()).isEqualTo(3);
    assertThat(state.nextTry()).contains(now.get().plus(OPEN));
    assertThat(state.trouble()).isEqualTo("silent 2");
  }

  @Test
  void an_answer_in_between_begins_the_count_anew() {
    Breaker breaker = breakers.of(Kind.NODE, "n");
    for (int i = 0; i < 10; i++) {
      breaker.failed("x");
      breaker.failed("x");
      breaker.succeeded();
    }
    assertThat(breaker.state().state()).isEqualTo(State.CLOSED);
  }

  @Test
  void after_its_time_one_question_passes_and_decides() {
    Breaker breaker = opened("n");
    pass(OPEN);
    assertThat(breaker.tryAcquire()).isTrue();
    assertThat(breaker.state().state()).isEqualTo(State.HALF_OPEN);
    assertThat(breaker.tryAcquire()).as("a second one").isFalse();
    breaker.failed("still silent");
    assertThat(breaker.state().state()).isEqualTo(State.OPEN);
    assertThat(breaker.state().failures()).isEqualTo(4);
    pass(OPEN);
    assertThat(breaker.tryAcquire()).isTrue();
    breaker.succeeded();
    assertThat(breaker.state().state()).isEqualTo(State.CLOSED);
    assertThat(breaker.state().nextTry()).isEmpty();
    assertThat(breaker.tryAcquire()).isTrue();
  }

  @Test
  void a_question_that_was_lost_does_not_keep_it_half_open_for_ever() {
    Breaker breaker = opened("n");
    pass(OPEN);
    assertThat(breaker.tryAcquire()).isTrue(); // and nobody reports what came of it
    pass(OPEN);
    assertThat(breaker.tryAcquire()).isTrue();
  }

  @Test
  void of_a_kind_only_so_many_are_kept_and_the_metrics_do_not_grow_with_the_nodes() {
    int before = meters.getMeters().size();
    for (int i = 0; i < 100; i++) {
      breakers.of(Kind.NODE, "n" + i);
    }
    assertThat(breakers.all(Kind.NODE)).hasSize(4);
    assertThat(breakers.find(Kind.NODE, "n0")).isEmpty();
    assertThat(meters.getMeters()).hasSize(before);
    opened("n99");
    assertThat(
            meters.get("serai.breakers").tag("kind", "node").tag("state", "OPEN").gauge().value())
        .isEqualTo(1);
    breakers.of(Kind.PROVIDER, "registrar");
    assertThat(
            meters
                .get("serai.breaker.state")
                .tag("kind", "provider")
                .tag("name", "registrar")
                .gauge()
                .value())
        .isEqualTo(0);
  }

  @Test
  void an_open_breaker_refuses_without_asking_and_only_silence_opens_it() throws Exception {
    AtomicInteger asked = new AtomicInteger();
    AtomicReference<RuntimeException> outcome = new AtomicReference<>();
    Breaker breaker = breakers.of(Kind.PROVIDER, "registrar");
    Processor guarded =
        new BreakerPolicy(breaker, ReasonCode.REGISTRAR_UNREACHABLE, Duration.ofSeconds(5))
            .wrap(
                null,
                exchange -> {
                  asked.incrementAndGet();
                  throw outcome.get();
                });
    for (ReasonCode answer :
        new ReasonCode[] {
          ReasonCode.NODE_UNKNOWN, ReasonCode.INTERNAL_ERROR, ReasonCode.MALFORMED_REQUEST
        }) {
      outcome.set(new RefusalException(answer, "an answer"));
      for (int i = 0; i < 3; i++) {
        assertThat(run(guarded, null)).isEqualTo(answer);
      }
    }
    assertThat(breaker.state().state()).isEqualTo(State.CLOSED);

    outcome.set(new RefusalException(ReasonCode.REGISTRAR_UNREACHABLE, "silent"));
    for (int i = 0; i < 5; i++) { // callers in a hurry say nothing about the provider
      assertThat(run(guarded, Duration.ofSeconds(1))).isEqualTo(ReasonCode.REGISTRAR_UNREACHABLE);
    }
    assertThat(breaker.state().state()).isEqualTo(State.CLOSED);

    run(guarded, null);
    run(guarded, null);
    assertThat(breaker.state().state()).isEqualTo(State.OPEN);
    int before = asked.get();
    assertThat(run(guarded, null)).isEqualTo(ReasonCode.REGISTRAR_UNREACHABLE);
    assertThat(asked.get()).isEqualTo(before);
  }

  private static ReasonCode run(Processor guarded, Duration left) throws Exception {
    try (DefaultCamelContext camel = new DefaultCamelContext()) {
      Exchange exchange = new DefaultExchange(camel);
      if (left != null) {
        Deadline.limit(exchange, left);
      }
      AsyncProcessorConverterHelper.convert(guarded).process(exchange, doneSync -> {});
      return ((RefusalException) exchange.getException()).reason().code();
    }
  }
}
