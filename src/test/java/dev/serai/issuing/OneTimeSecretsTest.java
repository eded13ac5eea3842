package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.appraisal.ChallengeStanding;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RateLimits;
import dev.serai.store.SqliteDatabase;
import dev.serai.testing.TestAudit;
import dev.serai.tpm.Bytes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OneTimeSecretsTest {
  @TempDir Path directory;
  private final HandClock clock = new HandClock();
  private SqliteDatabase database;
  private JoinTokens tokens;
  private Challenges challenges;

  @BeforeEach
  void open() {
    database = SqliteDatabase.open(directory.resolve("serai.db"));
    tokens = new JoinTokens(database, TestAudit.of(database, directory), clock);
    challenges = new Challenges(database, Duration.ofSeconds(60), clock);
  }

  @AfterEach
  void close() {
    database.close();
  }

  private static void refuses(ReasonCode code, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            RefusalException.class, e -> assertThat(e.reason().code()).isEqualTo(code));
  }

  private static <T> List<T> inParallel(int times, Callable<T> call) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(times);
    try {
      List<T> results = new ArrayList<>();
      for (Future<T> future : threads.invokeAll(java.util.Collections.nCopies(times, call))) {
        results.add(future.get());
      }
      return results;
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void of_a_hundred_tries_at_once_one_gets_the_join_token() throws Exception {
    String token = tokens.create(Optional.empty(), Duration.ofMinutes(1)).value();
    List<Boolean> taken =
        inParallel(
            100,
            () -> {
              try {
                tokens.redeem(token);
                return true;
              } catch (RefusalException e) {
                assertThat(e.reason().code()).isEqualTo(ReasonCode.JOIN_TOKEN_UNKNOWN);
                return false;
              }
            });
    assertThat(taken).filteredOn(t -> t).hasSize(1);
  }

  @Test
  void an_expired_join_token_is_used_up_too() {
    String token = tokens.create(Optional.empty(), Duration.ofSeconds(5)).value();
    clock.advance(Duration.ofSeconds(5));
    refuses(ReasonCode.JOIN_TOKEN_EXPIRED, () -> tokens.redeem(token));
    refuses(ReasonCode.JOIN_TOKEN_UNKNOWN, () -> tokens.redeem(token));
  }

  @Test
  void a_join_token_is_not_in_the_database() throws Exception {
    String token = tokens.create(Optional.empty(), Duration.ofSeconds(5)).value();
    try (var files = Files.list(directory)) {
      for (Path file : files.toList()) {
        assertThat(Bytes.copyOf(Files.readAllBytes(file)).toText()).doesNotContain(token);
      }
    }
  }

  @Test
  void join_tokens_without_life_or_of_odd_letters_are_refused() {
    refuses(ReasonCode.MALFORMED_REQUEST, () -> tokens.create(Optional.empty(), Duration.ZERO));
    for (String odd : List.of("a/b", "..", "ü", "a".repeat(256), " ")) {
      refuses(
          ReasonCode.MALFORMED_REQUEST,
          () -> tokens.create(Optional.of(odd), Duration.ofMinutes(1)));
    }
    tokens.create(Optional.of("mine"), Duration.ofMinutes(1));
    refuses(
        ReasonCode.MALFORMED_REQUEST,
        () -> tokens.create(Optional.of("mine"), Duration.ofMinutes(1)));
  }

  @Test
  void of_a_hundred_answers_at_once_one_is_fresh() throws Exception {
    Bytes nonce = challenges.issue("stream", "node").nonce();
    List<ChallengeStanding> standings = inParallel(100, () -> challenges.consume(nonce, "stream"));
    assertThat(standings).filteredOn(s -> s == ChallengeStanding.FRESH).hasSize(1);
    assertThat(standings).filteredOn(s -> s == ChallengeStanding.USED).hasSize(99);
  }

  @Test
  void a_nonce_is_good_once_in_time_on_its_stream() {
    assertThat(challenges.consume(Bytes.EMPTY, "stream")).isEqualTo(ChallengeStanding.MISSING);
    assertThat(challenges.consume(Bytes.copyOf(new byte[32]), "stream"))
        .isEqualTo(ChallengeStanding.UNKNOWN);
    Bytes foreign = challenges.issue("stream", "node").nonce();
    assertThat(challenges.consume(foreign, "other")).isEqualTo(ChallengeStanding.FOREIGN);
    assertThat(challenges.consume(foreign, "stream")).isEqualTo(ChallengeStanding.USED);
    Bytes late = challenges.issue("stream", "node").nonce();
    clock.advance(Duration.ofSeconds(60));
    assertThat(challenges.consume(late, "stream")).isEqualTo(ChallengeStanding.EXPIRED);
    Bytes inTime = challenges.issue("stream", "node").nonce();
    clock.advance(Duration.ofMillis(59_999));
    assertThat(challenges.consume(inTime, "stream")).isEqualTo(ChallengeStanding.FRESH);
  }

  @Test
  void a_nonce_survives_no_prune_when_it_is_old_and_every_prune_when_it_is_not() {
    Bytes nonce = challenges.issue("stream", "node").nonce();
    challenges.prune();
    assertThat(challenges.consume(nonce, "stream")).isEqualTo(ChallengeStanding.FRESH);
    challenges.prune();
    assertThat(challenges.consume(nonce, "stream")).isEqualTo(ChallengeStanding.USED);
    clock.advance(Duration.ofHours(1));
    challenges.prune();
    assertThat(challenges.consume(nonce, "stream")).isEqualTo(ChallengeStanding.UNKNOWN);
  }

  @Test
  void no_challenge_may_live_longer_than_a_minute() {
    refuses(
        ReasonCode.CONFIGURATION_INVALID,
        () -> new Challenges(database, Duration.ofSeconds(61), clock));
  }

  @Test
  void a_rate_is_kept_per_peer_with_a_burst_and_bounded_memory() {
    RateLimits limits = new RateLimits("tries", 1, 3, clock);
    for (int i = 0; i < 3; i++) {
      limits.take("a", 1);
    }
    refuses(ReasonCode.RATE_LIMITED, () -> limits.take("a", 1));
    limits.take("b", 3);
    clock.advance(Duration.ofMillis(999));
    refuses(ReasonCode.RATE_LIMITED, () -> limits.take("a", 1));
    clock.advance(Duration.ofMillis(1));
    limits.take("a", 1);
    refuses(ReasonCode.RATE_LIMITED, () -> limits.take("c", 4));
    for (int i = 0; i < 20_000; i++) {
      limits.take("peer-" + i, 1);
    }
    assertThat(limits.peers()).isLessThanOrEqualTo(16_384);
  }
}
