package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.audit.Audit;
import dev.serai.audit.AuditKind;
import dev.serai.audit.AuditRecord;
import dev.serai.management.HealthReport;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.Refused;
import dev.serai.testing.SeraiHarness;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.camel.Processor;
import org.apache.camel.Route;
import org.apache.camel.support.RoutePolicySupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Routes and keys taken over by a running process, or refused as a whole. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReloadTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  @TempDir static Path dir;
  private final Map<String, String> changed = new TreeMap<>();
  private Path routes;
  private SeraiHarness serai;
  private Reloader reloader;
  private volatile Duration inFlight = PATIENCE;

  @BeforeAll
  void start() throws Exception {
    routes = Files.createDirectories(dir.resolve("routes"));
    answering("greet", "one");
    serai =
        SeraiHarness.roles("issuer", "registrar", "verifier")
            .with("serai.verifier.policy", policy("first").toString())
            .with("serai.routes.retry-first", "200ms")
            .withRoutes(routes)
            .start();
    reloader = new Reloader(serai.process(), this::read, () -> inFlight);
  }

  private LayeredSettings read() {
    Map<String, String> values = new TreeMap<>(serai.process().effective().all());
    values.keySet().removeIf(key -> key.startsWith("camel."));
    values.putAll(changed);
    return LayeredSettings.read(Optional.empty(), Map.of(), values);
  }

  /** As it was at start. */
  @BeforeEach
  void reset() throws Exception {
    try (Stream<Path> files = Files.list(routes)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    answering("greet", "one");
    policy("first");
    changed.clear();
    inFlight = PATIENCE;
    assertThat(reloader.reload().refused()).isEmpty();
  }

  @AfterAll
  void stop() {
    serai.close();
  }

  private Path policy(String name) throws Exception {
    String text = Files.readString(Path.of("config/policies/demo.json"));
    return Files.writeString(
        dir.resolve("policy.json"),
        text.replaceFirst("\"name\": *\"[^\"]*\"", "\"name\": \"" + name + "\""));
  }

  /** A route direct:ID whose only step is given, below its id line. */
  private void route(String id, String... step) throws Exception {
    Files.writeString(
        routes.resolve(id + ".camel.yaml"),
        """
        - route:
            id: %s
            description: Of a test
            from:
              uri: direct:%s
              steps:
        %s
        """
            .formatted(id, id, String.join("\n", step).indent(8)));
  }

  private void answering(String id, String answer) throws Exception {
    route(id, "- setBody:", "    id: answer-" + id, "    constant:", "      expression: " + answer);
  }

  private Object ask(String id) {
    return serai.template().requestBody("direct:" + id, "");
  }

  private void refused(ReasonCode code, String... parts) {
    Reloader.Outcome outcome = reloader.reload();
    assertThat(outcome.refused().map(Reason::code)).contains(code);
    assertThat(outcome.refused().orElseThrow().detail()).contains(parts);
    assertThat(outcome.applied()).isEmpty();
    assertThat(ask("greet")).isEqualTo("one");
  }

  @Test
  void changed_new_and_removed_files_are_taken_over_and_the_rest_is_left_alone() throws Exception {
    Object untouched = serai.camel().getRoute("count-agents");
    assertThat(reloader.reload().applied()).isEmpty();
    answering("greet", "two");
    answering("other", "new");
    assertThat(reloader.reload().applied())
        .containsExactlyInAnyOrder("greet.camel.yaml replaced", "other.camel.yaml added");
    assertThat(ask("greet")).isEqualTo("two");
    assertThat(ask("other")).isEqualTo("new");
    Files.delete(routes.resolve("other.camel.yaml"));
    assertThat(reloader.reload().applied()).containsExactly("other.camel.yaml removed");
    assertThat(serai.camel().getRoute("other")).isNull();
    assertThat(serai.camel().getRoute("count-agents")).isSameAs(untouched);
    assertThat(reloader.reload().applied()).isEmpty();
  }

  @Test
  void a_shipped_route_is_replaced_and_comes_back_when_the_file_goes() throws Exception {
    String shipped = Files.readString(Path.of("routes/issuer/count-agents.camel.yaml"));
    Path mine = routes.resolve("count-agents.camel.yaml");
    Files.writeString(mine, shipped.replaceFirst("description: .*", "description: Mine"));
    assertThat(reloader.reload().applied()).containsExactly("count-agents.camel.yaml replaced");
    assertThat(serai.camel().getRoute("count-agents").getDescription()).isEqualTo("Mine");
    Files.delete(mine);
    assertThat(reloader.reload().applied()).containsExactly("count-agents.camel.yaml replaced");
    assertThat(serai.camel().getRoute("count-agents").getDescription()).isNotEqualTo("Mine");
    assertThat(serai.camel().getRouteController().getRouteStatus("count-agents").isStarted())
        .isTrue();
  }

  /** The error handling is a routeConfiguration, which routes loaded later must not miss. */
  @Test
  void a_reloaded_route_that_throws_is_still_refused_with_a_reason_code() throws Exception {
    route(
        "greet",
        "- throwException:",
        "    id: fail-greet",
        "    exceptionType: java.lang.IllegalStateException",
        "    message: planted");
    assertThat(reloader.reload().refused()).isEmpty();
    assertThat(ask("greet"))
        .isInstanceOfSatisfying(
            Refused.class,
            refused -> assertThat(refused.reason().code()).isEqualTo(ReasonCode.INTERNAL_ERROR));
  }

  @Test
  void an_exchange_in_flight_ends_with_the_route_it_began_with() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    hold(entered, release);
    CompletableFuture<Object> running = CompletableFuture.supplyAsync(() -> ask("slow"));
    assertThat(entered.await(60, TimeUnit.SECONDS)).isTrue();
    answering("slow", "new");
    CompletableFuture<Reloader.Outcome> reload = CompletableFuture.supplyAsync(reloader::reload);
    // Camel waits for the exchange before it stops the route.
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                Thread.getAllStackTraces().keySet().stream()
                    .anyMatch(thread -> thread.getName().contains("ShutdownTask")));
    assertThat(reload).isNotDone();
    assertThat(running).isNotDone();
    release.countDown();
    assertThat(running.get(60, TimeUnit.SECONDS)).isEqualTo("old");
    assertThat(reload.get(60, TimeUnit.SECONDS).applied())
        .containsExactly("slow.camel.yaml replaced");
    assertThat(ask("slow")).isEqualTo("new");
  }

  private void hold(CountDownLatch entered, CountDownLatch release) throws Exception {
    serai
        .context()
        .bind(
            "holdHere",
            (Processor)
                exchange -> {
                  entered.countDown();
                  release.await();
                  exchange.getMessage().setBody("old");
                });
    route("slow", "- process:", "    id: hold-here", "    ref: holdHere");
    assertThat(reloader.reload().refused()).isEmpty();
  }

  @Test
  void a_route_that_does_not_end_in_time_goes_on_as_it_was() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    hold(entered, release);
    inFlight = Duration.ofSeconds(1);
    CompletableFuture<Object> running = CompletableFuture.supplyAsync(() -> ask("slow"));
    assertThat(entered.await(60, TimeUnit.SECONDS)).isTrue();
    answering("slow", "new");
    refused(ReasonCode.DEADLINE_EXCEEDED, "slow.camel.yaml");
    release.countDown();
    assertThat(running.get(60, TimeUnit.SECONDS)).isEqualTo("old");
    assertThat(ask("slow")).isEqualTo("old");
    inFlight = PATIENCE;
    assertThat(reloader.reload().applied()).containsExactly("slow.camel.yaml replaced");
    assertThat(ask("slow")).isEqualTo("new");
  }

  @Test
  void a_file_that_cannot_be_used_is_refused_with_its_name_and_nothing_is_changed()
      throws Exception {
    answering("greet", "two");
    Files.writeString(routes.resolve("bad.camel.yaml"), "- route:\n  id: [x\n");
    refused(ReasonCode.ROUTE_INVALID, "bad.camel.yaml", "YAML");
    Files.writeString(routes.resolve("bad.camel.yaml"), "- route:\n    id: bad\n    frm: x\n");
    refused(ReasonCode.ROUTE_INVALID, "bad.camel.yaml");
    route("bad", "- process:", "    id: p-bad", "    ref: noSuchBean");
    refused(ReasonCode.ROUTE_INVALID, "bad.camel.yaml", "noSuchBean");
    route("bad", "- to:", "    id: t-bad", "    uri: nosuch:thing");
    refused(ReasonCode.ROUTE_INVALID, "bad.camel.yaml", "nosuch");
    route("bad", "- to:", "    id: t-bad", "    uri: \"direct:{{serai.no.such.key}}\"");
    refused(ReasonCode.ROUTE_INVALID, "bad.camel.yaml", "serai.no.such.key");
    route("bad", "- doTry:", "    id: try-bad", "    steps:", "    - log: x");
    refused(ReasonCode.ROUTE_INVALID, "bad.camel.yaml", "doTry");
    route("bad", "- setBody:", "    id: answer-greet", "    constant:", "      expression: x");
    refused(ReasonCode.ROUTE_INVALID, "bad.camel.yaml");
  }

  @Test
  void when_one_file_fails_as_it_is_made_the_others_are_put_back() throws Exception {
    answering("greet", "two");
    // Looks well, and is refused by Camel only when the route is made.
    route("later", "- to:", "    id: t-later", "    uri: \"timer:x?noSuchOption=1\"");
    refused(ReasonCode.ROUTE_INVALID, "later.camel.yaml");
    assertThat(serai.camel().getRoute("later")).isNull();
    Files.delete(routes.resolve("later.camel.yaml"));
    assertThat(reloader.reload().applied()).containsExactly("greet.camel.yaml replaced");
    assertThat(ask("greet")).isEqualTo("two");
  }

  @Test
  void a_refused_reload_is_on_record_as_refused_and_an_applied_one_as_applied() throws Exception {
    Audit audit = Audit.of(serai.context());
    long before = audit.lastOf(AuditKind.CONFIG_RELOADED).orElseThrow().sequence();
    policy("third");
    route("later", "- to:", "    id: t-later", "    uri: \"timer:x?noSuchOption=1\"");
    refused(ReasonCode.ROUTE_INVALID, "later.camel.yaml");
    assertThat(audit.lastOf(AuditKind.CONFIG_RELOADED).orElseThrow().sequence()).isEqualTo(before);
    var refusal = audit.lastOf(AuditKind.CONFIG_RELOAD_REFUSED).orElseThrow();
    assertThat(refusal.sequence()).isGreaterThan(before);
    assertThat(refusal.reasons().toString()).contains("ROUTE_INVALID");
    assertThat(audit.lastOf(AuditKind.POLICY_CHANGED).map(AuditRecord::sequence).orElse(0L))
        .as("nor is the policy on record, which was not taken over")
        .isLessThan(refusal.sequence());
    Files.delete(routes.resolve("later.camel.yaml"));
    assertThat(reloader.reload().applied()).containsExactly("policy third");
    assertThat(audit.lastOf(AuditKind.CONFIG_RELOADED).orElseThrow().sequence())
        .isGreaterThan(refusal.sequence());
  }

  @Test
  void a_reload_that_cannot_be_recorded_is_undone() throws Exception {
    answering("greet", "two");
    serai
        .context()
        .database()
        .write(
            connection -> {
              try (Statement statement = connection.createStatement()) {
                return statement.executeUpdate(
                    "CREATE TRIGGER no_reload BEFORE INSERT ON audit_record"
                        + " WHEN NEW.kind = 'config.reloaded'"
                        + " BEGIN SELECT RAISE(ABORT, 'planted'); END");
              }
            });
    try {
      refused(ReasonCode.AUDIT_UNAVAILABLE, "planted");
    } finally {
      serai
          .context()
          .database()
          .write(
              connection -> {
                try (Statement statement = connection.createStatement()) {
                  return statement.executeUpdate("DROP TRIGGER no_reload");
                }
              });
    }
    assertThat(reloader.reload().applied()).containsExactly("greet.camel.yaml replaced");
  }

  @Test
  void a_route_that_the_error_handling_does_not_reach_never_runs() throws Exception {
    AtomicInteger started = new AtomicInteger();
    serai
        .context()
        .bind(
            "countStarts",
            new RoutePolicySupport() {
              @Override
              public void onStart(Route route) {
                started.incrementAndGet();
              }
            });
    Files.writeString(
        routes.resolve("open.camel.yaml"),
        """
        - route:
            id: open
            description: Of a test
            routeConfigurationId: no-such-configuration
            routePolicy: countStarts
            from:
              uri: direct:open
              steps:
                - setBody:
                    id: answer-open
                    constant:
                      expression: open
        """);
    refused(ReasonCode.ROUTE_INVALID, "open.camel.yaml", "error handling");
    assertThat(serai.camel().getRoute("open")).isNull();
    assertThat(started).hasValue(0);
    Files.writeString(
        routes.resolve("open.camel.yaml"),
        Files.readString(routes.resolve("open.camel.yaml"))
            .replaceFirst(" *routeConfigurationId: .*\n", ""));
    assertThat(reloader.reload().refused()).isEmpty();
    assertThat(started).as("one that it reaches runs").hasValue(1);
  }

  @Test
  void a_route_that_cannot_be_put_back_makes_its_role_unready_until_it_is_there_again()
      throws Exception {
    HealthReport health = serai.process().health();
    serai.context().bind("frail", (Processor) exchange -> exchange.getMessage().setBody("frail"));
    Path mine = routes.resolve("count-agents.camel.yaml");
    String text =
        """
        - route:
            id: count-agents
            description: Of a test
            from:
              uri: direct:frail
              steps:
                - process:
                    id: be-frail
                    ref: frail
        """;
    Files.writeString(mine, text);
    assertThat(reloader.reload().refused()).isEmpty();
    assertThat(health.ready("issuer")).isTrue();
    serai.camel().getRegistry().unbind("frail");
    Files.writeString(
        mine,
        text.replaceFirst(
            "- process:\n.*\n.*",
            "- to:\n            id: to-x\n            uri: \"timer:x?noSuchOption=1\""));
    refused(ReasonCode.ROUTE_INVALID, "count-agents.camel.yaml");
    assertThat(health.ready("issuer")).isFalse();
    assertThat(health.ready("registrar")).as("only the role whose route it is").isTrue();
    assertThat(health.readiness().toString()).contains("ROUTE_MISSING", "frail");
    assertThat(health.route("count-agents").orElseThrow())
        .containsEntry("state", "Missing")
        .containsEntry("started", false);
    Files.writeString(mine, text);
    refused(ReasonCode.ROUTE_INVALID, "count-agents.camel.yaml", "frail");
    assertThat(health.ready("issuer")).isFalse();
    serai.context().bind("frail", (Processor) exchange -> exchange.getMessage().setBody("mended"));
    await().atMost(PATIENCE).until(() -> health.ready("issuer")); // by itself
    assertThat(ask("frail")).isEqualTo("mended");
    assertThat(health.route("count-agents").orElseThrow()).containsEntry("started", true);
  }

  @Test
  void a_route_configuration_waits_for_the_next_start() throws Exception {
    Files.copy(
        Path.of("routes/common/error-handling.camel.yaml"),
        routes.resolve("error-handling.camel.yaml"));
    assertThat(reloader.reload().restart()).isEmpty(); // the same text
    Files.writeString(
        routes.resolve("error-handling.camel.yaml"),
        Files.readString(Path.of("routes/common/error-handling.camel.yaml")) + "# mine\n");
    Reloader.Outcome outcome = reloader.reload();
    assertThat(outcome.restart()).containsExactly("error-handling.camel.yaml changed");
    assertThat(outcome.applied()).isEmpty();
  }

  @Test
  void keys_that_can_be_applied_are_and_the_others_are_named() {
    changed.put("serai.issuer.limit.sign", "7");
    changed.put("serai.verifier.interval", "11s");
    changed.put("serai.issuer.port", Integer.toString(FreePorts.next()));
    Reloader.Outcome outcome = reloader.reload();
    assertThat(outcome.refused()).isEmpty();
    assertThat(outcome.applied())
        .containsExactly(
            "serai.issuer.limit.sign: 500 -> 7", "serai.verifier.interval: 10s -> 11s");
    assertThat(outcome.restart()).containsExactly("serai.issuer.port changed");
    assertThat(reloader.reload().applied()).isEmpty();
    assertThat(reloader.reload().restart()).containsExactly("serai.issuer.port changed");
  }

  @Test
  void a_policy_file_and_a_trust_directory_are_read_again() throws Exception {
    var appraiser = serai.bean("quoteAppraiser", dev.serai.appraisal.KeylimeQuoteAppraiser.class);
    assertThat(appraiser.policyName()).contains("first");
    policy("second");
    assertThat(reloader.reload().applied()).containsExactly("policy second");
    assertThat(appraiser.policyName()).contains("second");
    Audit audit = Audit.of(serai.context());
    assertThat(audit.lastOf(AuditKind.POLICY_CHANGED).orElseThrow().subject())
        .isEqualTo(dir.resolve("policy.json").toString());
    assertThat(audit.lastOf(AuditKind.CONFIG_RELOADED).orElseThrow().sequence())
        .isLessThan(audit.lastOf(AuditKind.POLICY_CHANGED).orElseThrow().sequence());
    Path trust = Files.createDirectories(dir.resolve("ek-trust"));
    Files.copy(Path.of("config/ek-trust/stmicro_stmtpmekroot.pem"), trust.resolve("mine.pem"));
    changed.put("serai.registrar.ek-trust-dir", trust.toString());
    changed.put("serai.registrar.ek-trust-shipped", "false");
    assertThat(reloader.reload().applied()).contains("1 authorities of endorsement keys");
    Files.writeString(dir.resolve("policy.json"), "{");
    refused(ReasonCode.CONFIGURATION_INVALID, "policy.json");
    assertThat(appraiser.policyName()).contains("second");
  }

  @Test
  void a_configuration_that_contradicts_itself_is_refused_with_all_problems() throws Exception {
    answering("greet", "two");
    changed.put("serai.verifier.unreachable-grace", "2s");
    changed.put("serai.issuer.port", "many");
    refused(ReasonCode.CONFIGURATION_INVALID, "serai.verifier.unreachable-grace", "\"many\"");
    assertThat(List.copyOf(changed.keySet())).hasSize(2);
  }
}
