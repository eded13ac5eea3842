package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.breaker.Breaker;
import dev.serai.breaker.Breakers;
import dev.serai.flow.Timeline;
import dev.serai.reason.Judged;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.role.RoleView;
import dev.serai.role.TraceId;
import dev.serai.testing.SeraiHarness;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.camel.Processor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.MDC;

/** The dashboard's JSON, what the console may trace and hold, and what it may not. */
@Tag("slow")
class DashboardTest {
  private static final Duration SOON = Duration.ofSeconds(60);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SECRET = "s3cret-that-no-page-may-show";
  private static final AtomicReference<RoleView> VIEW = new AtomicReference<>();
  @TempDir static Path routes;
  private static SeraiHarness serai;
  private static String base;
  private static String login;
  private final HttpClient http = HttpClient.newHttpClient();

  @BeforeAll
  static void start() throws Exception {
    Files.writeString(
        routes.resolve("judge.camel.yaml"),
        """
        - route:
            id: judge
            from:
              uri: direct:judge
              steps:
                - process: {id: look-at-it, ref: look}
                - to: {id: to-conclude, uri: "direct:conclude"}
        - route:
            id: conclude
            from:
              uri: direct:conclude
              steps:
                - process: {id: say-it, ref: say}
        - route:
            id: plain
            from:
              uri: direct:plain
              steps:
                - process: {id: plain-step, ref: look}
        - route:
            id: tick
            from:
              uri: timer:tick
              parameters: {period: 20}
              steps:
                - process: {id: tick-step, ref: look}
        """);
    serai =
        SeraiHarness.roles()
            .withRole(new TrialRole())
            .withRoutes(routes)
            .with("serai.management.console-debug", "true")
            .start();
    base = "http://127.0.0.1:" + serai.port("serai.management.port");
    String password = Files.readString(serai.stateDir().resolve("hawtio-password")).trim();
    login =
        "Basic "
            + Base64.getEncoder()
                .encodeToString(("serai:" + password).getBytes(StandardCharsets.UTF_8));
  }

  @AfterAll
  static void stop() {
    serai.close();
  }

  @BeforeEach
  void nothingToShow() {
    VIEW.set(new RoleView() {});
  }

  /** A judgement that is under way. */
  private record Trial(List<Reason> reasons) implements Judged {}

  private static final class TrialRole implements Role {
    @Override
    public String name() {
      return "trial";
    }

    @Override
    public void bind(RoleContext context) {
      context.bind("look", (Processor) exchange -> {});
      context.bind(
          "say",
          (Processor)
              exchange -> {
                switch (exchange.getMessage().getBody(String.class)) {
                  case "refuse":
                    throw new RefusalException(ReasonCode.NODE_BANNED, "it is");
                  case "reject":
                    exchange
                        .getMessage()
                        .setBody(
                            new Trial(List.of(new Reason(ReasonCode.NONCE_USED, "seen before"))));
                    break;
                  default:
                    exchange.getMessage().setBody(new Trial(List.of()));
                }
              });
      context.bind(
          "roleView-trial",
          new RoleView() {
            @Override
            public List<Node> nodes() {
              return VIEW.get().nodes();
            }

            @Override
            public List<Document> documents() {
              return VIEW.get().documents();
            }

            @Override
            public List<RoleView.Breaker> breakers() {
              return VIEW.get().breakers();
            }
          });
    }
  }

  private static RoleView.Node node(String id, String state, Reason... reasons) {
    return new RoleView.Node(
        id,
        "",
        state,
        List.of(reasons),
        "",
        Optional.of(Instant.now()),
        Optional.empty(),
        Optional.empty(),
        Optional.of("OPEN"));
  }

  private HttpResponse<String> get(String path, String... headers) throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + path));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private JsonNode api(String what) throws Exception {
    HttpResponse<String> answer = get("/dashboard/api/" + what, "Authorization", login);
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    return JSON.readTree(answer.body());
  }

  /** Sends a body that is no judgement yet and gives the trace id of its flow. */
  private String flow(String route, String body) {
    MDC.remove(
        TraceId.VARIABLE); // of whatever ran on this thread before: each is a flow of its own
    return serai
        .template()
        .request("direct:" + route, exchange -> exchange.getMessage().setBody(body))
        .getVariable("traceId", String.class);
  }

  private static List<String> texts(JsonNode list, String field) {
    List<String> texts = new ArrayList<>();
    list.forEach(one -> texts.add(one.path(field).asText()));
    return texts;
  }

  @Test
  void page_and_data_want_the_login_and_say_what_is_open_without() throws Exception {
    for (String path :
        List.of("/", "/dashboard/dashboard.js", "/dashboard/api/overview", "/dashboard/none")) {
      HttpResponse<String> answer = get(path);
      assertThat(answer.statusCode()).as(path).isEqualTo(401);
      assertThat(answer.body()).startsWith("CALLER_NOT_AUTHENTICATED").contains("/health");
    }
    assertThat(get("/dashboard/none", "Authorization", login).statusCode()).isEqualTo(404);
    assertThat(get("/health/live").statusCode()).isEqualTo(200);
  }

  @Test
  void the_page_allows_our_own_files_only() throws Exception {
    HttpResponse<String> page = get("/", "Authorization", login);
    assertThat(page.statusCode()).isEqualTo(200);
    assertThat(page.headers().firstValue("content-security-policy").orElse(""))
        .contains("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'")
        .doesNotContain("unsafe");
    assertThat(page.headers().firstValue("x-content-type-options")).contains("nosniff");
    assertThat(page.headers().firstValue("cache-control")).contains("no-store");
    assertThat(page.body()).doesNotContain("<style", " style=", " onclick=", "<script>", "http:");
  }

  @Test
  void a_page_of_another_site_gets_no_data() throws Exception {
    assertThat(
            get("/dashboard/api/nodes", "Authorization", login, "Sec-Fetch-Site", "cross-site")
                .statusCode())
        .isEqualTo(403);
  }

  @Test
  void nodes_in_trouble_come_first_with_reason_and_remedy() throws Exception {
    VIEW.set(
        new RoleView() {
          @Override
          public List<Node> nodes() {
            return List.of(
                node("a-good", "TRUSTED"),
                node("b-new", "REGISTERED"),
                node(
                    "c-bad",
                    "UNTRUSTED",
                    new Reason(ReasonCode.PCR_VALUE_NOT_ALLOWED, "sha256:7 is ff")));
          }
        });
    await()
        .atMost(SOON)
        .untilAsserted(
            () ->
                assertThat(texts(api("nodes").path("list"), "id"))
                    .containsExactly("c-bad", "b-new", "a-good"));
    JsonNode reason = api("nodes").path("list").get(0).path("reasons").get(0);
    assertThat(reason.path("code").asText()).isEqualTo("PCR_VALUE_NOT_ALLOWED");
    assertThat(reason.path("remedy").asText()).isNotEmpty();
    assertThat(api("nodes").path("byState").path("TRUSTED").asInt()).isEqualTo(1);
    assertThat(texts(api("breakers").path("list"), "name")).contains("node c-bad");
  }

  @Test
  void a_provider_s_open_breaker_comes_first_with_its_trouble() throws Exception {
    Breaker operator =
        serai.bean(Breakers.BEAN, Breakers.class).of(Breakers.Kind.PROVIDER, "operator");
    while (operator.tryAcquire()) {
      operator.failed("OPERATOR_UNREACHABLE: no answer in time");
    }
    await()
        .atMost(SOON)
        .untilAsserted(
            () ->
                assertThat(api("breakers").path("list").path(0).path("name").asText())
                    .isEqualTo("operator"));
    JsonNode first = api("breakers").path("list").get(0);
    assertThat(first.path("state").asText()).isEqualTo("OPEN");
    assertThat(first.path("trouble").asText()).startsWith("OPERATOR_UNREACHABLE");
  }

  @Test
  void certificates_are_good_late_or_ended() throws Exception {
    Instant now = Instant.now();
    VIEW.set(
        new RoleView() {
          @Override
          public List<Document> documents() {
            return List.of(
                Document.renewed("t", "good", now.minusSeconds(100), now.plusSeconds(3_000)),
                Document.renewed("t", "late", now.minusSeconds(3_000), now.plusSeconds(100)),
                Document.renewed("t", "ended", now.minusSeconds(100), now.minusSeconds(1)));
          }
        });
    await()
        .atMost(SOON)
        .untilAsserted(
            () ->
                assertThat(texts(api("documents").path("list"), "standing"))
                    .containsExactly("ENDED", "LATE", "GOOD"));
  }

  @Test
  void a_role_that_hangs_holds_up_neither_the_dashboard_nor_health() throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    CountDownLatch asked = new CountDownLatch(1);
    VIEW.set(
        new RoleView() {
          @Override
          public List<Node> nodes() {
            asked.countDown();
            try {
              never.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
            return List.of();
          }
        });
    try {
      await()
          .atMost(SOON)
          .until(() -> api("nodes").path("stale").asBoolean() && asked.getCount() == 0);
      for (int i = 0; i < 5; i++) {
        assertThat(api("overview").path("nodes").path("stale").asBoolean()).isTrue();
        assertThat(get("/health/live").statusCode()).isEqualTo(200);
      }
    } finally {
      never.countDown();
    }
    await().atMost(SOON).until(() -> !api("nodes").path("stale").asBoolean());
  }

  @Test
  void the_timeline_keeps_the_last_thousand_with_their_trace() throws Exception {
    Timeline timeline = serai.bean(Timeline.BEAN, Timeline.class);
    for (int i = 0; i < Timeline.SIZE + 5; i++) {
      timeline.record(
          Timeline.Kind.VERDICT,
          "trial",
          "node-" + i,
          "UNTRUSTED",
          List.of(new Reason(ReasonCode.NONCE_USED, "x".repeat(5_000))));
    }
    JsonNode list = api("timeline?limit=100000").path("list");
    assertThat(list).hasSize(Timeline.SIZE);
    assertThat(list.get(0).path("subject").asText()).isEqualTo("node-" + (Timeline.SIZE + 4));
    assertThat(list.get(0).path("reasons").get(0).path("detail").asText().length()).isLessThan(400);
    assertThat(api("timeline?limit=3").path("list")).hasSize(3);
  }

  @Test
  void a_flow_shows_its_steps_in_order_through_all_routes() throws Exception {
    JsonNode flow = api("flows/" + flow("judge", "fine"));
    assertThat(texts(flow.path("steps"), "step"))
        .containsExactly("look-at-it", "to-conclude", "say-it");
    assertThat(texts(flow.path("steps"), "route")).containsExactly("judge", "judge", "conclude");
    assertThat(flow.path("refusedWith").isNull()).isTrue();
    assertThat(flow.path("running").asBoolean()).isFalse();
    JsonNode calling = flow.path("steps").get(1);
    JsonNode called = flow.path("steps").get(2);
    assertThat(called.path("startMicros").asLong())
        .isGreaterThanOrEqualTo(calling.path("startMicros").asLong());
    assertThat(called.path("tookMicros").asLong())
        .isLessThanOrEqualTo(calling.path("tookMicros").asLong());
  }

  @Test
  void a_step_that_refuses_and_one_that_rejects_show_their_code() throws Exception {
    JsonNode refused = api("flows/" + flow("judge", "refuse"));
    assertThat(refused.path("refusedWith").asText()).isEqualTo("NODE_BANNED");
    assertThat(refused.path("steps").get(2).path("refusedWith").asText()).isEqualTo("NODE_BANNED");
    assertThat(texts(refused.path("steps"), "step")).contains("refuse");
    JsonNode rejected = api("flows/" + flow("judge", "reject"));
    assertThat(rejected.path("refusedWith").asText()).isEqualTo("NONCE_USED");
    assertThat(rejected.path("steps").get(0).path("refusedWith").isNull()).isTrue();
    assertThat(rejected.path("steps").get(2).path("refusedWith").asText()).isEqualTo("NONCE_USED");
    assertThat(texts(api("flows?refused=true").path("list"), "refusedWith"))
        .contains("NODE_BANNED", "NONCE_USED")
        .doesNotContain("null");
  }

  @Test
  void many_flows_of_one_kind_push_out_no_other_and_no_refused_one() throws Exception {
    String rare = flow("judge", "fine");
    String refused = flow("conclude", "refuse");
    for (int i = 0; i < 200; i++) {
      flow("plain", "fine");
      flow("conclude", "fine");
    }
    api("flows/" + rare);
    api("flows/" + refused);
    assertThat(api("flows").path("total").asInt()).isLessThan(100);
  }

  @Test
  void a_tick_that_leads_to_nothing_is_no_flow() throws Exception {
    long before = ticks();
    await().atMost(SOON).until(() -> ticks() > before + 5);
    assertThat(texts(api("flows?limit=1000").path("list"), "entryRoute")).doesNotContain("tick");
  }

  private static long ticks() {
    return serai
        .camel()
        .getCamelContextExtension()
        .getContextPlugin(org.apache.camel.api.management.ManagedCamelContext.class)
        .getManagedRoute("tick")
        .getExchangesTotal();
  }

  @Test
  void an_unknown_or_malformed_trace_id_is_not_found() throws Exception {
    for (String id : List.of("0".repeat(32), "..%2f..", "%3Cscript%3E", "")) {
      assertThat(get("/dashboard/api/flows/" + id, "Authorization", login).statusCode())
          .as(id)
          .isEqualTo(404);
    }
  }

  private JsonNode jolokia(String body) throws Exception {
    HttpResponse<String> answer =
        http.send(
            HttpRequest.newBuilder(URI.create(base + "/hawtio/jolokia"))
                .header("Authorization", login)
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    return JSON.readTree(answer.body());
  }

  private JsonNode exec(String bean, String operation, Object... arguments) throws Exception {
    return jolokia(
        JSON.writeValueAsString(
            java.util.Map.of(
                "type",
                "exec",
                "mbean",
                "org.apache.camel:context="
                    + serai.camel().getManagementName()
                    + ",type=tracer,name="
                    + bean,
                "operation",
                operation,
                "arguments",
                arguments)));
  }

  @Test
  void the_tracer_is_off_until_asked_and_shows_no_message() throws Exception {
    String tracer = "BacklogTracerWithoutMessages";
    flow("judge", SECRET);
    assertThat(exec(tracer, "dumpAllTracedMessagesAsXml()").path("value").asText())
        .doesNotContain("say-it");
    assertThat(exec(tracer, "setEnabled", true).path("status").asInt()).isEqualTo(200);
    try {
      String trace = flow("judge", SECRET);
      String dump = exec(tracer, "dumpAllTracedMessagesAsXml()").path("value").asText();
      assertThat(dump)
          .contains("<toNode>say-it</toNode>", "<routeId>conclude</routeId>", trace)
          .contains("<exchangeId>", "<elapsed>")
          .doesNotContain(SECRET);
    } finally {
      exec(tracer, "setEnabled", false);
    }
    flow("judge", SECRET);
    assertThat(exec(tracer, "dumpAllTracedMessagesAsXml()").path("value").asText())
        .doesNotContain("say-it");
  }

  @Test
  void a_breakpoint_holds_one_flow_until_it_is_let_go() throws Exception {
    String debugger = "BacklogDebuggerWithoutMessages";
    assertThat(exec(debugger, "enableDebugger").path("status").asInt()).isEqualTo(200);
    try {
      exec(debugger, "addBreakpoint", "plain-step");
      assertThat(exec(debugger, "breakpoints").path("value").toString()).contains("plain-step");
      CountDownLatch through = new CountDownLatch(1);
      Thread held =
          new Thread(
              () -> {
                flow("plain", SECRET);
                through.countDown();
              });
      held.start();
      await()
          .atMost(SOON)
          .until(
              () ->
                  exec(debugger, "suspendedBreakpointNodeIds")
                      .path("value")
                      .toString()
                      .contains("plain-step"));
      assertThat(
              exec(
                      debugger,
                      "dumpTracedMessagesAsXml(java.lang.String,boolean)",
                      "plain-step",
                      true)
                  .path("value")
                  .asText())
          .contains("<toNode>plain-step</toNode>")
          .doesNotContain(SECRET);
      flow("judge", "another flow is not held");
      exec(debugger, "resumeBreakpoint", "plain-step");
      assertThat(through.await(50, TimeUnit.SECONDS)).isTrue();
    } finally {
      exec(debugger, "disableDebugger");
    }
    assertThat(exec(debugger, "breakpoints").path("value")).isEmpty();
  }

  @Test
  void nothing_that_shows_or_changes_a_message_may_be_executed() throws Exception {
    for (String operation :
        List.of(
            "setMessageBodyOnBreakpoint",
            "evaluateExpressionAtBreakpoint",
            "validateConditionalBreakpoint",
            "addConditionalBreakpoint",
            "skipOver")) {
      assertThat(exec("BacklogDebuggerWithoutMessages", operation, "x", "y").path("status").asInt())
          .as(operation)
          .isEqualTo(403);
    }
    assertThat(exec("BacklogTracer", "dumpAllTracedMessagesAsXml").path("status").asInt())
        .isNotEqualTo(200);
    assertThat(exec("BacklogDebugger", "addBreakpoint", "x").path("status").asInt())
        .isNotEqualTo(200);
  }
}
