package dev.serai.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.serai.jwtsvid.ClaimedJwtSvid;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.TrustDomain;
import dev.serai.testing.TestAuthority;
import dev.serai.testing.TestJwtAuthority;
import dev.serai.workload.WorkloadIdentity;
import dev.serai.workload.WorkloadKey;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

/** When a token is asked for, and which one is handed out. The clock is moved by hand. */
class JwtSvidCacheTest {
  private static final Duration LIFE = Duration.ofMinutes(5);
  private static final Duration PATIENCE = Duration.ofSeconds(15);
  private static final TestJwtAuthority JWT = new TestJwtAuthority("test.example", "key-1");
  private static final TestAuthority X509 = new TestAuthority("test.example");
  private static final KeyPair KEY = TestAuthority.keyPair();

  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final List<Question> questions = new ArrayList<>();
  private Instant now = Instant.parse("2026-11-26T06:00:00Z");
  private final JwtSvidCache cache =
      new JwtSvidCache(
          (identity, audience, patience) -> {
            Question question =
                new Question(identity, audience, patience, new CompletableFuture<>());
            questions.add(question);
            return question.answer();
          },
          PATIENCE,
          () -> now,
          meters);

  private record Question(
      WorkloadIdentity identity,
      Set<String> audience,
      Duration patience,
      CompletableFuture<ClaimedJwtSvid> answer) {}

  private static WorkloadIdentity identity(String id, long revision) {
    return new WorkloadIdentity(
        new WorkloadIdentity.Entry(id, revision),
        new TrustDomain("test.example").withPath("/" + id),
        Set.of(Selector.parse("unix:uid:1")),
        "",
        List.of(X509.leaf(KEY, List.of("spiffe://test.example/" + id), false, LIFE)),
        WorkloadKey.of(KEY.getPrivate()),
        Set.of());
  }

  private CompletableFuture<ClaimedJwtSvid> fetch(WorkloadIdentity identity, String... audience) {
    return cache.fetch(identity, new LinkedHashSet<>(List.of(audience)));
  }

  /** Without waiting for the answer. */
  private void ask(WorkloadIdentity identity, String... audience) {
    var unused = fetch(identity, audience);
  }

  private ClaimedJwtSvid answer(int question) {
    Question asked = questions.get(question);
    ClaimedJwtSvid svid =
        ClaimedJwtSvid.parse(
            JWT.token(asked.identity().id().path(), List.copyOf(asked.audience()), now, LIFE));
    asked.answer().complete(svid);
    return svid;
  }

  private void refuse(int question, ReasonCode code) {
    questions.get(question).answer().completeExceptionally(new RefusalException(code, "test"));
  }

  private static ReasonCode code(CompletableFuture<?> fetched) {
    CompletionException failure = catchThrowableOfType(CompletionException.class, fetched::join);
    assertThat(failure).isNotNull();
    return ((RefusalException) failure.getCause()).reason().code();
  }

  private double count(String source) {
    return meters.counter("serai.workload.jwt.svids", "source", source).count();
  }

  @Test
  void a_token_is_kept_until_half_of_its_life() {
    WorkloadIdentity me = identity("me", 1);
    var first = fetch(me, "a", "b");
    ClaimedJwtSvid token = answer(0);
    assertThat(first.join()).isSameAs(token);
    now = now.plus(LIFE.dividedBy(2)).minusSeconds(1);
    assertThat(fetch(me, "b", "a").join()).as("the same audience").isSameAs(token);
    assertThat(questions).hasSize(1);
    assertThat(questions.get(0).patience()).isEqualTo(PATIENCE);

    now = now.plusSeconds(1);
    var renewed = fetch(me, "a", "b");
    assertThat(renewed).isNotDone();
    assertThat(renewed).isNotDone();
    ClaimedJwtSvid second = answer(1);
    assertThat(renewed.join()).isSameAs(second);
    assertThat(fetch(me, "a", "b").join()).isSameAs(second);
    assertThat(count("cache")).isEqualTo(2);
    assertThat(count("issuer")).isEqualTo(2);
  }

  @Test
  void another_audience_entry_or_version_is_another_token() {
    for (var fetched :
        List.of(
            fetch(identity("me", 1), "a"),
            fetch(identity("me", 1), "a", "b"),
            fetch(identity("me", 2), "a"),
            fetch(identity("you", 1), "a"))) {
      assertThat(fetched).isNotDone();
    }
    assertThat(questions).hasSize(4);
    for (int i = 0; i < 4; i++) {
      answer(i);
    }
    assertThat(cache.size()).isEqualTo(4);
    cache.retain(Set.of(new WorkloadIdentity.Entry("me", 2)));
    assertThat(cache.size()).isEqualTo(1);
  }

  @Test
  void all_who_wait_share_one_question() {
    WorkloadIdentity me = identity("me", 1);
    var first = fetch(me, "a");
    var second = fetch(me, "a");
    assertThat(questions).hasSize(1);
    ClaimedJwtSvid token = answer(0);
    assertThat(List.of(first.join(), second.join())).containsOnly(token);
  }

  @Test
  void a_token_with_an_id_of_its_own_is_handed_out_once() {
    WorkloadIdentity plain = identity("me", 1);
    WorkloadIdentity me =
        new WorkloadIdentity(
            new WorkloadIdentity.Entry("me", 1, true),
            plain.id(),
            plain.selectors(),
            "",
            plain.chain(),
            plain.key(),
            Set.of());
    var first = fetch(me, "a");
    var second = fetch(me, "a");
    assertThat(questions).hasSize(2);
    assertThat(List.of(answer(0), answer(1))).containsExactly(first.join(), second.join());
    assertThat(cache.size()).isZero();
    assertThat(fetch(me, "a")).isNotDone();
  }

  @Test
  void while_the_issuer_is_away_a_token_serves_until_it_ends() {
    WorkloadIdentity me = identity("me", 1);
    ask(me, "a");
    ClaimedJwtSvid token = answer(0);
    now = now.plus(LIFE).minusSeconds(1);
    var old = fetch(me, "a");
    assertThat(questions.get(1).patience()).as("not for long").isLessThan(PATIENCE);
    refuse(1, ReasonCode.ISSUER_UNREACHABLE);
    assertThat(old.join()).isSameAs(token);
    assertThat(count("cache-issuer-away")).isEqualTo(1);

    var slow = fetch(me, "a");
    now = now.plusSeconds(1);
    refuse(2, ReasonCode.DEADLINE_EXCEEDED);
    assertThat(code(slow)).as("it ended meanwhile").isEqualTo(ReasonCode.JWT_SVID_NOT_ISSUED);

    var none = fetch(me, "a");
    refuse(3, ReasonCode.ISSUER_UNREACHABLE);
    assertThat(code(none)).isEqualTo(ReasonCode.ISSUER_UNREACHABLE);
  }

  @Test
  void who_says_no_is_heard_and_no_token_of_the_entry_is_left() {
    WorkloadIdentity me = identity("me", 1);
    ask(me, "a");
    answer(0);
    ask(me, "b");
    answer(1);
    now = now.plus(LIFE.dividedBy(2));
    var denied = fetch(me, "a");
    refuse(2, ReasonCode.LOCATION_MISSING);
    assertThat(code(denied)).isEqualTo(ReasonCode.LOCATION_MISSING);
    assertThat(cache.size()).isZero();

    var gone = fetch(me, "b");
    refuse(3, ReasonCode.ENTRY_UNKNOWN);
    assertThat(code(gone)).as("an entry that changes").isEqualTo(ReasonCode.JWT_SVID_NOT_ISSUED);
  }

  @Test
  void after_a_refusal_of_the_node_nothing_is_kept_and_nothing_under_way_stays() {
    WorkloadIdentity me = identity("me", 1);
    ask(me, "a");
    answer(0);
    ask(me, "b");
    cache.drop();
    answer(1);
    assertThat(cache.size()).isZero();
    assertThat(fetch(me, "a")).isNotDone();
    assertThat(fetch(me, "b")).isNotDone();
    assertThat(questions).hasSize(4);
  }

  @Test
  void a_question_that_cannot_be_asked_is_no_question_under_way() {
    JwtSvidCache broken =
        new JwtSvidCache(
            (identity, audience, patience) -> {
              throw new IllegalStateException("broken by the test");
            },
            PATIENCE,
            () -> now,
            new SimpleMeterRegistry());
    for (int i = 0; i <= JwtSvidCache.MOST_QUESTIONS_OF_ENTRY; i++) {
      assertThat(code(broken.fetch(identity("me", 1), Set.of("audience-" + i))))
          .isEqualTo(ReasonCode.JWT_SVID_NOT_ISSUED);
    }
  }

  @Test
  void a_clock_that_is_set_back_makes_a_token_old() {
    WorkloadIdentity me = identity("me", 1);
    ask(me, "a");
    answer(0);
    now = now.minusSeconds(1);
    assertThat(fetch(me, "a")).isNotDone();
  }

  @Test
  void what_is_kept_is_bounded_and_one_workload_cannot_take_it_all() {
    WorkloadIdentity modest = identity("modest", 1);
    ask(modest, "a");
    ClaimedJwtSvid token = answer(0);
    fill(identity("greedy", 1), 3 * JwtSvidCache.MOST_OF_ENTRY, token);
    assertThat(cache.size()).isEqualTo(1 + JwtSvidCache.MOST_OF_ENTRY);
    assertThat(fetch(modest, "a")).isDone();
    for (int i = 0; i < 12; i++) {
      fill(identity("e" + i, 1), JwtSvidCache.MOST_OF_ENTRY, token);
    }
    assertThat(cache.size()).isEqualTo(JwtSvidCache.MOST);
  }

  private void fill(WorkloadIdentity identity, int tokens, ClaimedJwtSvid token) {
    for (int i = 0; i < tokens; i++) {
      ask(identity, "audience-" + i);
      questions.get(questions.size() - 1).answer().complete(token);
    }
  }

  @Test
  void questions_under_way_are_bounded_for_each_and_for_all() {
    WorkloadIdentity greedy = identity("greedy", 1);
    for (int i = 0; i < JwtSvidCache.MOST_QUESTIONS_OF_ENTRY; i++) {
      assertThat(fetch(greedy, "audience-" + i)).isNotDone();
    }
    assertThat(code(fetch(greedy, "one more"))).isEqualTo(ReasonCode.OVERLOADED);
    List<WorkloadIdentity> others =
        java.util.stream.IntStream.range(0, 16).mapToObj(i -> identity("e" + i, 1)).toList();
    for (int i = questions.size(); i < JwtSvidCache.MOST_QUESTIONS; i++) {
      assertThat(fetch(others.get(i % others.size()), "audience-" + i)).isNotDone();
    }
    assertThat(code(fetch(identity("late", 1), "a"))).isEqualTo(ReasonCode.OVERLOADED);
    answer(0);
    assertThat(fetch(greedy, "one more")).isNotDone();
  }
}
