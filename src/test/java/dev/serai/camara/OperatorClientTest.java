package dev.serai.camara;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Settings;
import dev.serai.testing.operator.FakeOperator;
import dev.serai.testing.operator.FakeOperator.Dialect;
import dev.serai.testing.operator.FakeOperator.Mood;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The client against an operator that is strict about every request. */
@Tag("slow")
class OperatorClientTest {
  private static final String MSISDN = "+34696810912";
  private static final OperatorQuestion THERE =
      new OperatorQuestion(MSISDN, new Area(40.33, -3.7707, 100), false);

  @TempDir Path dir;
  private final AtomicReference<Instant> now = new AtomicReference<>(Instant.now());
  private final Map<String, String> keys = new HashMap<>();
  private final Queue<Waiting> waiting = new ConcurrentLinkedQueue<>();
  private final Queue<AutoCloseable> open = new ArrayDeque<>();
  private FakeOperator operator;

  private record Waiting(Duration time, CompletableFuture<Void> over) {}

  /** The shipped defaults and what a test sets. */
  private final class TestSettings implements Settings {
    @Override
    public String text(String key) {
      return optionalText(key).orElseThrow();
    }

    @Override
    public Optional<String> optionalText(String key) {
      return Optional.ofNullable(keys.get(key)).filter(text -> !text.isEmpty());
    }

    @Override
    public int integer(String key) {
      return Integer.parseInt(text(key));
    }

    @Override
    public boolean flag(String key) {
      return Boolean.parseBoolean(text(key));
    }

    @Override
    public Duration duration(String key) {
      return Duration.parse("PT" + text(key));
    }

    @Override
    public List<String> list(String key) {
      return List.of(text(key).split(","));
    }
  }

  private OperatorClient client(Dialect dialect, String... more) {
    operator = FakeOperator.start(dialect);
    open.add(operator);
    operator.locate(MSISDN, 40.33, -3.7707);
    keys.putAll(
        Map.of(
            "serai.camara.authorize-path", "/bc-authorize",
            "serai.camara.token-path", "/token",
            "serai.camara.scope", "openid location-verification:verify",
            "serai.camara.device", "request",
            "serai.camara.least-radius", "1",
            "serai.camara.timeout", "30S",
            "serai.camara.cache-ttl", "900S",
            "serai.camara.in-flight", "2",
            "serai.camara.per-second", "1000",
            "serai.camara.burst", "1000"));
    keys.putAll(operator.settings(dir));
    for (int i = 0; i < more.length; i += 2) {
      keys.put(more[i], more[i + 1]);
    }
    return made();
  }

  private OperatorClient made() {
    OperatorSettings settings =
        OperatorSettings.of(new TestSettings(), Map.of("OPERATOR", "serai-test:not-so-secret"))
            .orElseThrow();
    Quota quota = new Quota(settings.inFlight(), settings.perSecond(), settings.burst(), now::get);
    OperatorClient client =
        new OperatorClient(
            settings,
            quota,
            new OperatorMeters(new SimpleMeterRegistry(), latency -> {}),
            now::get,
            time -> {
              Waiting one = new Waiting(time, new CompletableFuture<>());
              waiting.add(one);
              return one.over();
            });
    open.add(client);
    return client;
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : open) {
      one.close();
    }
  }

  private static OperatorVerdict ask(OperatorClient client) {
    try {
      return client.ask(THERE).orTimeout(60, TimeUnit.SECONDS).join().verdict();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    }
  }

  private static String refused(OperatorClient client, ReasonCode code) {
    AtomicReference<String> detail = new AtomicReference<>();
    assertThatThrownBy(() -> ask(client))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> {
              assertThat(e.reason().code()).as(e.getMessage()).isEqualTo(code);
              detail.set(e.reason().detail());
            });
    return detail.get();
  }

  @ParameterizedTest
  @EnumSource(Dialect.class)
  void both_dialects_ask_as_the_operator_wants_it(Dialect dialect) {
    OperatorClient client = client(dialect);
    assertThat(ask(client).isTrue()).isTrue();
    operator.locate(MSISDN, 50, 8);
    assertThat(ask(client).isFalse()).isTrue();
    assertThat(operator.calls()).containsExactly("authorize", "token", "verify", "verify");
    assertThat(operator.complaints()).isEmpty();
  }

  @Test
  void the_current_dialect_sends_a_greatest_age_and_leaves_the_device_to_the_token() {
    OperatorClient client =
        client(
            Dialect.CAMARA,
            "serai.camara.max-age",
            "120S",
            "serai.camara.device",
            "token",
            "serai.camara.credentials-file",
            "env:OPERATOR");
    operator.namesDevice(false);
    operator.lastLocationTime(now.get().minusSeconds(60));
    assertThat(ask(client).isTrue()).isTrue();
    operator.lastLocationTime(now.get().minusSeconds(600));
    assertThat(ask(client).result())
        .as("a place that is older than asked for")
        .isEqualTo(OperatorVerdict.Result.UNKNOWN);
    operator.lastLocationTime(Instant.MIN);
    assertThat(ask(client).result())
        .as("a place of nobody knows when")
        .isEqualTo(OperatorVerdict.Result.UNKNOWN);
    operator.namesDevice(true);
    assertThat(refused(client, ReasonCode.OPERATOR_REFUSED)).contains("serai.camara.device");
    assertThat(operator.complaints()).isEmpty();
  }

  @Test
  void a_partial_answer_has_its_rate_and_time() {
    OperatorClient client = client(Dialect.CAMARA);
    operator.mood(Mood.PARTIAL);
    OperatorVerdict verdict = ask(client);
    assertThat(verdict.result()).isEqualTo(OperatorVerdict.Result.PARTIAL);
    assertThat(verdict.matchRate()).hasValue(74);
    assertThat(verdict.lastLocationTime()).isPresent();
    assertThat(verdict.isTrue() || verdict.isFalse()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "GARBAGE, OPERATOR_ANSWER_INVALID",
    "BROKEN, OPERATOR_UNREACHABLE",
    "AREA_TOO_SMALL, OPERATOR_AREA_REFUSED",
    "TOO_MANY_REQUESTS, OPERATOR_BUSY"
  })
  void what_is_no_verdict_is_a_named_refusal(Mood mood, ReasonCode code) {
    OperatorClient client = client(Dialect.CAMARA);
    ask(client);
    operator.mood(mood);
    refused(client, code);
    assertThat(operator.complaints()).isEmpty();
  }

  @Test
  void a_subscriber_of_another_operator_is_named() {
    OperatorClient client = client(Dialect.CAMARA);
    OperatorQuestion other = new OperatorQuestion("+34600000000", THERE.area(), false);
    assertThatThrownBy(() -> client.ask(other).orTimeout(60, TimeUnit.SECONDS).join())
        .hasMessageContaining(ReasonCode.OPERATOR_DEVICE_UNKNOWN.name());
  }

  @Test
  void a_token_is_renewed_before_it_ends_and_with_a_new_authorization() {
    OperatorClient client = client(Dialect.CAMARA);
    operator.tokenLife(Duration.ofSeconds(400));
    ask(client);
    now.updateAndGet(at -> at.plusSeconds(339));
    ask(client);
    assertThat(operator.calls()).containsExactly("authorize", "token", "verify", "verify");
    now.updateAndGet(at -> at.plusSeconds(2));
    ask(client);
    assertThat(operator.calls().subList(4, 7)).containsExactly("authorize", "token", "verify");
  }

  @Test
  void a_token_that_is_no_longer_taken_is_replaced_once() {
    OperatorClient client = client(Dialect.CAMARA);
    ask(client);
    operator.forgetTokens();
    assertThat(ask(client).isTrue()).isTrue();
    assertThat(operator.calls())
        .containsExactly("authorize", "token", "verify", "verify", "authorize", "token", "verify");
  }

  /** The interval is the operator's; slow_down makes it longer by five seconds. */
  @Test
  void consent_is_waited_for_no_faster_than_the_operator_wants() {
    OperatorClient client = client(Dialect.CAMARA);
    operator.pollAnswers("authorization_pending", "slow_down", "authorization_pending");
    CompletableFuture<OperatorAnswer> answer = client.ask(THERE);
    for (int seconds : new int[] {2, 7, 7}) {
      await().atMost(Duration.ofSeconds(60)).until(() -> !waiting.isEmpty());
      Waiting one = waiting.remove();
      assertThat(one.time()).isEqualTo(Duration.ofSeconds(seconds));
      one.over().complete(null);
    }
    assertThat(answer.orTimeout(60, TimeUnit.SECONDS).join().verdict().isTrue()).isTrue();
    assertThat(operator.complaints()).isEmpty();
  }

  @Test
  void nobody_waits_longer_than_a_call_for_a_consent_and_it_counts_when_it_comes() {
    OperatorClient client = client(Dialect.CAMARA, "serai.camara.timeout", "3S");
    operator.locate("+34600000007", 1, 1);
    var other = new OperatorQuestion("+34600000007", new Area(1, 1, 5), false);
    client.ask(other).orTimeout(60, TimeUnit.SECONDS).join(); // TLS is up, all code was run
    operator.pollAnswers("authorization_pending");
    refused(client, ReasonCode.OPERATOR_AUTHORIZATION_PENDING);
    waiting.remove().over().complete(null);
    assertThat(ask(client).isTrue()).isTrue();
    assertThat(operator.calls().subList(3, 7))
        .containsExactly("authorize", "token", "token", "verify");
  }

  @Test
  void a_request_for_consent_ends_with_its_life() {
    OperatorClient client = client(Dialect.CAMARA);
    operator.pollAnswers("authorization_pending", "authorization_pending");
    CompletableFuture<OperatorAnswer> answer = client.ask(THERE);
    await().atMost(Duration.ofSeconds(60)).until(() -> !waiting.isEmpty());
    now.updateAndGet(at -> at.plusSeconds(119));
    waiting.remove().over().complete(null);
    assertThatThrownBy(() -> answer.orTimeout(60, TimeUnit.SECONDS).join())
        .hasMessageContaining(ReasonCode.OPERATOR_AUTHORIZATION_PENDING.name());
  }

  @Test
  void who_did_not_agree_is_left_in_peace() {
    OperatorClient client = client(Dialect.CAMARA);
    operator.pollAnswers("access_denied");
    refused(client, ReasonCode.OPERATOR_REFUSED);
    refused(client, ReasonCode.OPERATOR_REFUSED);
    assertThat(operator.calls()).containsExactly("authorize", "token");
    now.updateAndGet(at -> at.plus(Duration.ofMinutes(11)));
    assertThat(ask(client).isTrue()).isTrue();
  }

  @ParameterizedTest
  @CsvSource({"40, 40", "date, 40", "'', 30", "nonsense, 30", "0, 1"})
  void after_429_nobody_asks_for_as_long_as_the_operator_said(String header, int seconds) {
    OperatorClient client = client(Dialect.CAMARA);
    now.set(Instant.parse("2026-11-24T12:00:00Z"));
    operator.retryAfter(
        header.equals("date")
            ? DateTimeFormatter.RFC_1123_DATE_TIME.format(
                now.get().plusSeconds(40).atOffset(ZoneOffset.UTC))
            : header);
    operator.mood(Mood.TOO_MANY_REQUESTS);
    refused(client, ReasonCode.OPERATOR_BUSY);
    operator.mood(Mood.WELL);
    now.updateAndGet(at -> at.plusSeconds(seconds).minusMillis(1));
    refused(client, ReasonCode.OPERATOR_BUSY);
    assertThat(operator.calls()).isEmpty();
    now.updateAndGet(at -> at.plusMillis(1));
    assertThat(ask(client).isTrue()).isTrue();
  }

  /** Who waits for a consent asks for it in the background; that is asking, too. */
  @Test
  void after_429_the_question_for_a_consent_waits_as_well() {
    OperatorClient client = client(Dialect.CAMARA);
    now.set(Instant.parse("2026-11-24T12:00:00Z"));
    operator.pollAnswers("authorization_pending");
    CompletableFuture<OperatorAnswer> answer = client.ask(THERE);
    await().atMost(Duration.ofSeconds(60)).until(() -> !waiting.isEmpty());
    operator.locate("+34600000007", 1, 1);
    operator.retryAfter("40");
    operator.mood(Mood.TOO_MANY_REQUESTS);
    assertThatThrownBy(
            () ->
                client
                    .ask(new OperatorQuestion("+34600000007", new Area(1, 1, 5), false))
                    .orTimeout(60, TimeUnit.SECONDS)
                    .join())
        .hasMessageContaining(ReasonCode.OPERATOR_BUSY.name());
    operator.mood(Mood.WELL);
    int calls = operator.calls().size();
    now.updateAndGet(at -> at.plusSeconds(5));
    waiting.remove().over().complete(null);
    await().atMost(Duration.ofSeconds(60)).until(() -> !waiting.isEmpty());
    Waiting rest = waiting.remove();
    assertThat(rest.time()).isEqualTo(Duration.ofSeconds(35));
    assertThat(operator.calls()).hasSize(calls);
    now.updateAndGet(at -> at.plusSeconds(35));
    rest.over().complete(null);
    assertThat(answer.orTimeout(60, TimeUnit.SECONDS).join().verdict().isTrue()).isTrue();
    assertThat(operator.complaints()).isEmpty();
  }

  @Test
  void only_so_many_questions_are_on_their_way() {
    OperatorClient client = client(Dialect.CAMARA);
    operator.mood(Mood.SILENT);
    CompletableFuture<OperatorAnswer> one = client.ask(THERE);
    CompletableFuture<OperatorAnswer> two = client.ask(THERE);
    refused(client, ReasonCode.OPERATOR_BUSY);
    operator.mood(Mood.WELL);
    assertThat(one.orTimeout(60, TimeUnit.SECONDS).join().verdict().isTrue()).isTrue();
    assertThat(two.orTimeout(60, TimeUnit.SECONDS).join().verdict().isTrue()).isTrue();
    assertThat(ask(client).isTrue()).isTrue();
  }

  /** Neither a place of the quota nor the subscriber's token is lost by it. */
  @Test
  void a_call_that_cannot_be_made_ends_like_one_that_is_not_answered() throws Exception {
    OperatorClient client = client(Dialect.CAMARA);
    client.close();
    for (int i = 0; i < 4; i++) { // two are on their way at most
      assertThat(refused(client, ReasonCode.OPERATOR_UNREACHABLE))
          .as("not by the end of the waiting")
          .isNotEqualTo("no answer in time");
    }
  }

  @Test
  void silence_ends_with_the_time_of_a_call() {
    OperatorClient client = client(Dialect.CAMARA, "serai.camara.timeout", "0.2S");
    operator.mood(Mood.SILENT);
    refused(client, ReasonCode.OPERATOR_UNREACHABLE);
  }

  @Test
  void an_operator_of_another_authority_is_not_spoken_to() throws Exception {
    client(Dialect.CAMARA);
    FakeOperator other = FakeOperator.start(Dialect.CAMARA);
    open.add(other);
    String authority =
        other.settings(Files.createDirectory(dir.resolve("other"))).get("serai.camara.ca");
    keys.put("serai.camara.ca", authority);
    assertThat(refused(made(), ReasonCode.OPERATOR_UNREACHABLE)).contains("certificate");
    keys.put("serai.camara.ca", "");
    assertThat(refused(made(), ReasonCode.OPERATOR_UNREACHABLE)).contains("certificate");
    assertThat(operator.calls()).isEmpty();
  }

  @Test
  void credentials_that_others_may_read_or_that_are_none_are_refused_at_start() throws Exception {
    client(Dialect.CAMARA);
    Path file = Path.of(keys.get("serai.camara.credentials-file"));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    assertThatThrownBy(this::made).hasMessageContaining("chmod 600");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    for (String wrong : List.of("", "no-colon", "two:lines\nof:text")) {
      Files.writeString(file, wrong);
      assertThatThrownBy(this::made).hasMessageContaining("client-id:client-secret");
    }
    keys.put("serai.camara.credentials-file", "env:NOWHERE");
    assertThatThrownBy(this::made).hasMessageContaining("client-id:client-secret");
  }
}
