package dev.serai.camara;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KeptAnswersTest {
  private static final OperatorQuestion THERE = question("+34696810912", 40.33, -3.7707, false);
  private final AtomicReference<Instant> now =
      new AtomicReference<>(Instant.parse("2026-11-24T12:00:00Z"));
  private final KeptAnswers answers = new KeptAnswers(Duration.ofMinutes(15), now::get);

  private static OperatorQuestion question(String msisdn, double lat, double lon, boolean fresh) {
    return new OperatorQuestion(msisdn, new Area(lat, lon, 100), fresh);
  }

  private void said(OperatorQuestion question, OperatorVerdict.Result result) {
    answers.ask(
        question,
        () ->
            CompletableFuture.completedFuture(
                new OperatorAnswer(question, OperatorVerdict.of(result), now.get(), false)));
  }

  private Optional<OperatorVerdict.Result> kept(OperatorQuestion question) {
    return answers.find(question).map(answer -> answer.verdict().result());
  }

  @Test
  void an_answer_is_that_device_s_in_that_area_and_no_other_s() {
    said(THERE, OperatorVerdict.Result.TRUE);
    assertThat(kept(THERE)).contains(OperatorVerdict.Result.TRUE);
    assertThat(kept(question("+34696810913", 40.33, -3.7707, false))).isEmpty();
    assertThat(kept(question("+34696810912", 40.34, -3.7707, false))).isEmpty();
    assertThat(kept(question("+34696810912", 40.33, 3.7707, false))).isEmpty();
    assertThat(kept(question("+34696810912", 40.33, -3.7707, true))).isEmpty();
    assertThat(kept(new OperatorQuestion("+34696810912", new Area(40.33, -3.7707, 1_000), false)))
        .isEmpty();
    now.updateAndGet(at -> at.plus(Duration.ofMinutes(15)));
    assertThat(kept(THERE)).isEmpty();
  }

  /** Silence takes nothing back; a device that is gone, or a consent that is, does. */
  @ParameterizedTest
  @CsvSource({
    "OPERATOR_DEVICE_UNKNOWN, false",
    "OPERATOR_REFUSED, false",
    "OPERATOR_UNREACHABLE, true",
    "OPERATOR_BUSY, true",
    "OPERATOR_ANSWER_INVALID, true"
  })
  void what_the_operator_would_not_say_any_more_is_not_kept(ReasonCode code, boolean stays) {
    said(THERE, OperatorVerdict.Result.TRUE);
    answers.ask(
        question("+34696810912", 40.33, -3.7707, true),
        () -> CompletableFuture.failedFuture(new RefusalException(code, "today")));
    assertThat(kept(THERE).isPresent()).isEqualTo(stays);
  }

  @Test
  void an_unknown_takes_a_yes_from_before_back() {
    said(THERE, OperatorVerdict.Result.TRUE);
    said(THERE, OperatorVerdict.Result.UNKNOWN);
    assertThat(kept(THERE)).isEmpty();
  }
}
