package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.breaker.Breaker;
import dev.serai.breaker.Breakers;
import dev.serai.deadline.Deadline;
import dev.serai.flow.Timeline;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.reason.Refused;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.role.RoleHealth;
import dev.serai.testing.SeraiHarness;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import javax.management.MBeanOperationInfo;
import javax.management.MBeanParameterInfo;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.apache.camel.Processor;
import org.apache.camel.builder.RouteBuilder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ManagementTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final AtomicReference<RoleHealth> HEALTH = new AtomicReference<>();
  private static final AtomicReference<Runnable> AFTER = new AtomicReference<>();
  @TempDir static Path routes;
  private static SeraiHarness serai;
  private static String base;
  private static String login;
  private final HttpClient http = HttpClient.newHttpClient();

  @BeforeAll
  static void start() throws Exception {
    Files.writeString(
        routes.resolve("refuse-always.camel.yaml"),
        """
        - route:
            id: refuse-always
            description: Refuses whatever comes
            from:
              uri: direct:refuse-always
              steps:
                - process: {id: say-no, ref: sayNo}
        """);
    Files.writeString(
        routes.resolve("two-steps.camel.yaml"),
        """
        - route:
            id: two-steps
            description: Takes as long as its caller waits, then goes on
            from:
              uri: direct:two-steps
              steps:
                - process: {id: use-up-the-time, ref: useUpTheTime}
                - process: {id: go-on, ref: goOn}
        """);
    serai = SeraiHarness.roles().withRole(new TrialRole()).withRoutes(routes).start();
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
  void well() {
    HEALTH.set(() -> RoleHealth.Standing.ready("GOOD").with("since", "today"));
  }

  private static final class TrialRole implements Role {
    @Override
    public String name() {
      return "trial";
    }

    @Override
    public void bind(RoleContext context) {
      context.bind(
          "sayNo",
          (Processor)
              exchange -> {
                throw new RefusalException(ReasonCode.NODE_BANNED, "it is");
              });
      context.bind(
          "useUpTheTime",
          (Processor)
              exchange ->
                  await().until(() -> Deadline.current().map(Deadline::passed).orElse(true)));
      context.bind("goOn", (Processor) exchange -> AFTER.get().run());
      context.bind("roleHealth-trial", (RoleHealth) () -> HEALTH.get().standing());
    }
  }

  private HttpResponse<String> get(String path, String... headers) throws Exception {
    return send(HttpRequest.newBuilder(URI.create(base + path)).GET(), headers);
  }

  private HttpResponse<String> post(String path, String body, String... headers) throws Exception {
    return send(
        HttpRequest.newBuilder(URI.create(base + path))
            .POST(HttpRequest.BodyPublishers.ofString(body)),
        headers);
  }

  private HttpResponse<String> send(HttpRequest.Builder request, String... headers)
      throws Exception {
    if (headers.length > 0) {
      request.headers(headers);
    }
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private JsonNode json(HttpResponse<String> answer) throws IOException {
    return JSON.readTree(answer.body());
  }

  @Test
  void live_and_ready_answer_when_all_is_well() throws Exception {
    assertThat(get("/health/live").statusCode()).isEqualTo(200);
    HttpResponse<String> ready = get("/health/ready");
    assertThat(ready.statusCode()).isEqualTo(200);
    JsonNode role = json(ready).path("roles").get(0);
    assertThat(role.path("role").asText()).isEqualTo("trial");
    assertThat(role.path("state").asText()).isEqualTo("GOOD");
    assertThat(role.path("facts").path("since").asText()).isEqualTo("today");
  }

  @Test
  void a_role_that_waits_makes_the_process_unready_and_says_why() throws Exception {
    HEALTH.set(
        () ->
            RoleHealth.Standing.waiting(
                "WAITING", new Reason(ReasonCode.TPM_NO_DEVICE, "no /dev/tpmrm0")));
    HttpResponse<String> ready = get("/health/ready");
    assertThat(ready.statusCode()).isEqualTo(503);
    JsonNode reason = json(ready).path("roles").get(0).path("reason");
    assertThat(reason.path("code").asText()).isEqualTo("TPM_NO_DEVICE");
    assertThat(reason.path("remedy").asText()).isNotEmpty();
    assertThat(get("/health/live").statusCode()).isEqualTo(200);
  }

  @Test
  void a_role_that_is_stuck_does_not_hold_up_health() throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    HEALTH.set(
        () -> {
          try {
            never.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return RoleHealth.Standing.ready("LATE");
        });
    try {
      for (int i = 0; i < 8; i++) {
        HttpResponse<String> ready = get("/health/ready");
        assertThat(ready.statusCode()).isEqualTo(503);
        assertThat(json(ready).path("roles").get(0).path("reason").path("code").asText())
            .isEqualTo("DEADLINE_EXCEEDED");
      }
      assertThat(get("/health/live").statusCode()).isEqualTo(200);
    } finally {
      never.countDown();
    }
  }

  @Test
  void a_route_shows_its_counts_and_its_last_failure() throws Exception {
    serai.template().request("direct:refuse-always", e -> e.getMessage().setBody("x"));
    JsonNode route = json(get("/health/routes/refuse-always"));
    assertThat(route.path("description").asText()).isEqualTo("Refuses whatever comes");
    assertThat(route.path("started").asBoolean()).isTrue();
    assertThat(route.path("exchanges").path("total").asLong()).isPositive();
    assertThat(route.path("exchanges").path("failed").asLong())
        .isEqualTo(route.path("exchanges").path("total").asLong());
    assertThat(route.path("lastFailure").path("code").asText()).isEqualTo("NODE_BANNED");
    assertThat(route.path("lastFailure").path("at").asText()).contains("T");
    assertThat(json(get("/health/routes"))).hasSize(2);
    assertThat(get("/health/routes/none").statusCode()).isEqualTo(404);
  }

  @Test
  void metrics_hold_ours_and_camels() throws Exception {
    serai.template().request("direct:refuse-always", e -> e.getMessage().setBody("x"));
    assertThat(get("/metrics").body())
        .contains("serai_refusals_total{reason=\"NODE_BANNED\",route=\"refuse-always\"}")
        .contains("camel_exchanges_total")
        .contains("jvm_memory_used_bytes");
  }

  @Test
  void a_stopped_route_makes_its_role_unready() throws Exception {
    serai.camel().getRouteController().stopRoute("refuse-always");
    try {
      assertThat(json(get("/health/routes/refuse-always")).path("started").asBoolean()).isFalse();
    } finally {
      serai.camel().getRouteController().startRoute("refuse-always");
    }
  }

  @Test
  void the_console_wants_its_login() throws Exception {
    for (String path : new String[] {"/hawtio", "/hawtio/", "/hawtio/user", "/hawtio/jolokia"}) {
      HttpResponse<String> answer = get(path);
      assertThat(answer.statusCode()).as(path).isEqualTo(401);
      assertThat(answer.headers().firstValue("www-authenticate")).isPresent();
    }
    assertThat(get("/hawtio/", "Authorization", "Basic c2VyYWk6d3Jvbmc=").statusCode())
        .isEqualTo(401);
    assertThat(get("/hawtio/", "Authorization", "Basic %%%").statusCode()).isEqualTo(401);
    assertThat(get("/hawtio/", "Authorization", login).body()).contains("<div id=\"root\">");
    assertThat(get("/hawtio/camel/routes", "Authorization", login).body()).contains("root");
    assertThat(get("/hawtio/user", "Authorization", login).body()).isEqualTo("\"serai\"");
  }

  @Test
  void the_password_is_its_users_alone() throws Exception {
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(serai.stateDir().resolve("hawtio-password"))))
        .isEqualTo("rw-------");
  }

  @Test
  void the_console_reads_routes_and_changes_nothing() throws Exception {
    String context = "org.apache.camel:context=*,type=context,name=*";
    String name =
        json(jolokia("{\"type\":\"search\",\"mbean\":\"" + context + "\"}"))
            .path("value")
            .get(0)
            .asText()
            .replace("\"", "\\\"");
    assertThat(json(jolokia(exec(name, "dumpRoutesAsXml()"))).path("value").asText())
        .contains("refuse-always");
    for (String operation : new String[] {"stop()", "suspend()", "dumpTracedMessages()"}) {
      assertThat(json(jolokia(exec(name, operation))).path("status").asInt())
          .as(operation)
          .isNotEqualTo(200);
    }
    assertThat(
            json(jolokia(
                    "{\"type\":\"write\",\"mbean\":\""
                        + name
                        + "\",\"attribute\":\"Tracing\",\"value\":true}"))
                .path("status")
                .asInt())
        .isEqualTo(403);
    assertThat(serai.camel().isStarted()).isTrue();
  }

  @Test
  void no_dump_of_a_route_shows_the_value_of_a_property() throws Exception {
    String secret = "a-secret-that-a-route-uses";
    System.setProperty("trial.secret", secret);
    try {
      serai
          .camel()
          .addRoutes(
              new RouteBuilder() {
                @Override
                public void configure() {
                  from("direct:with-secret")
                      .routeId("with-secret")
                      .setHeader("trial", constant("{{trial.secret}}"))
                      .setBody(simple("{{trial.secret}}"));
                }
              });
      serai.camel().getRouteController().startRoute("with-secret");
      assertThat(serai.template().requestBody("direct:with-secret", "")).isEqualTo(secret);
      MBeanServer beans =
          serai.camel().getManagementStrategy().getManagementAgent().getMBeanServer();
      String mine = "org.apache.camel:context=" + serai.camel().getManagementName();
      int dumps = 0;
      int refused = 0;
      StringBuilder shown = new StringBuilder();
      for (String names : new String[] {",type=context,*", ",type=routes,name=\"with-secret\""}) {
        for (ObjectName name : beans.queryNames(new ObjectName(mine + names), null)) {
          for (MBeanOperationInfo operation : beans.getMBeanInfo(name).getOperations()) {
            if (!operation.getName().startsWith("dump")) {
              continue;
            }
            List<String> types =
                Arrays.stream(operation.getSignature()).map(MBeanParameterInfo::getType).toList();
            for (String called :
                List.of(
                    operation.getName(),
                    operation.getName() + "(" + String.join(",", types) + ")")) {
              HttpResponse<String> answer =
                  jolokia(
                      JSON.writeValueAsString(
                          Map.of(
                              "type",
                              "exec",
                              "mbean",
                              name.toString(),
                              "operation",
                              called,
                              "arguments",
                              types.stream().map(type -> true).toList())));
              dumps++;
              refused += json(answer).path("status").asInt() == 200 ? 0 : 1;
              assertThat(answer.body()).as(name + " " + called).doesNotContain(secret);
              shown.append(answer.body());
            }
          }
          assertThat(
                  jolokia(
                          "{\"type\":\"read\",\"mbean\":"
                              + JSON.writeValueAsString(name.toString())
                              + "}")
                      .body())
              .doesNotContain(secret);
        }
      }
      assertThat(dumps).isGreaterThan(50);
      assertThat(refused).isGreaterThan(30).isLessThan(dumps);
      assertThat(shown).contains("{{trial.secret}}", "dumpRoutesStatsAsXml");
    } finally {
      System.clearProperty("trial.secret");
      serai.camel().getRouteController().stopRoute("with-secret");
      serai.camel().removeRoute("with-secret");
    }
  }

  @Test
  void the_console_does_not_show_what_could_hold_a_secret() throws Exception {
    for (String attribute : new String[] {"InputArguments", "SystemProperties", "ClassPath"}) {
      assertThat(
              json(jolokia(
                      "{\"type\":\"read\",\"mbean\":\"java.lang:type=Runtime\",\"attribute\":\""
                          + attribute
                          + "\"}"))
                  .path("status")
                  .asInt())
          .as(attribute)
          .isEqualTo(403);
    }
    JsonNode whole = json(jolokia("{\"type\":\"read\",\"mbean\":\"java.lang:type=Runtime\"}"));
    assertThat(whole.path("value").path("SystemProperties").path("java.home").asText()).isEmpty();
    assertThat(
            json(jolokia(
                    "{\"type\":\"write\",\"mbean\":\"java.lang:type=Memory\","
                        + "\"attribute\":\"Verbose\",\"value\":true}"))
                .path("status")
                .asInt())
        .isEqualTo(403);
  }

  @Test
  void breakers_are_in_health_in_metrics_and_in_the_console() throws Exception {
    Breaker registrar = Breakers.of(serai.context()).of(Breakers.Kind.PROVIDER, "registrar");
    for (int i = 0; i < 5; i++) {
      registrar.failed("silent");
    }
    JsonNode breaker = json(get("/health")).path("breakers").path("provider").path("list").get(0);
    assertThat(breaker.path("name").asText()).isEqualTo("registrar");
    assertThat(breaker.path("state").asText()).isEqualTo("OPEN");
    assertThat(breaker.path("failures").asInt()).isEqualTo(5);
    assertThat(breaker.path("since").asText()).contains("T");
    assertThat(breaker.path("nextTry").asText()).contains("T");
    assertThat(get("/metrics").body())
        .contains("serai_breaker_state{kind=\"provider\",name=\"registrar\"} 2.0")
        .contains("serai_breakers{kind=\"provider\",state=\"OPEN\"} 1.0")
        .contains("serai_breakers{kind=\"node\",state=\"CLOSED\"} 0.0");
    String names = "{\"type\":\"search\",\"mbean\":\"dev.serai:type=Breakers,kind=provider,*\"}";
    boolean seen = false;
    for (JsonNode name : json(jolokia(names)).path("value")) {
      String read =
          "{\"type\":\"read\",\"attribute\":\"Breakers\",\"mbean\":"
              + JSON.writeValueAsString(name.asText())
              + "}";
      seen |= json(jolokia(read)).path("value").path(0).path("state").asText().equals("OPEN");
    }
    assertThat(seen).isTrue();
    registrar.succeeded();
  }

  @Test
  void the_timeline_names_the_role_whose_breaker_opened() {
    Breakers breakers = Breakers.of(serai.context());
    Map<String, String> askers =
        Map.of(
            "verifier",
            "issuer",
            "issuer",
            "verifier",
            "registrar",
            "verifier",
            "operator",
            "sensor");
    askers.forEach(
        (provider, asker) -> {
          Breaker breaker = breakers.of(Breakers.Kind.PROVIDER, provider);
          for (int i = 0; i < 5; i++) {
            breaker.failed("silent");
          }
          Timeline.Event event = Timeline.of(serai.context()).latest(1).get(0);
          assertThat(event.kind()).isEqualTo(Timeline.Kind.BREAKER);
          assertThat(event.subject()).isEqualTo(provider);
          assertThat(event.source()).as(provider).isEqualTo(asker);
          breaker.succeeded();
        });
    assertThat(SeraiProcess.asker(Breakers.Kind.PROVIDER, "sensor", List.of("gate")))
        .isEqualTo("gate");
    assertThat(SeraiProcess.asker(Breakers.Kind.PROVIDER, "sensor", List.of("gate", "verifier")))
        .isEqualTo("verifier");
  }

  @Test
  void probes_answer_as_kubernetes_asks() throws Exception {
    assertThat(get("/livez").body()).isEqualTo("ok\n");
    assertThat(get("/readyz?verbose").body()).contains("[+]role-trial ok");
    HEALTH.set(
        () ->
            RoleHealth.Standing.waiting(
                "WAITING", new Reason(ReasonCode.TPM_NO_DEVICE, "no /dev/tpmrm0")));
    assertThat(get("/readyz").statusCode()).isEqualTo(503);
    assertThat(get("/readyz/role-trial").body()).contains("TPM_NO_DEVICE");
    assertThat(get("/readyz?exclude=role-trial").statusCode()).isEqualTo(200);
    assertThat(get("/livez").statusCode()).isEqualTo(200);
    assertThat(get("/livez/none").statusCode()).isEqualTo(404);
  }

  @Test
  void no_step_is_begun_for_a_caller_who_is_gone() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    AFTER.set(begun::countDown);
    Object answer =
        serai
            .template()
            .request(
                "direct:two-steps", exchange -> Deadline.limit(exchange, Duration.ofMillis(100)))
            .getMessage()
            .getBody();
    assertThat(((Refused) answer).reason().code()).isEqualTo(ReasonCode.DEADLINE_EXCEEDED);
    assertThat(begun.getCount()).as("the second step").isEqualTo(1);
    serai.template().request("direct:two-steps", exchange -> {});
    assertThat(begun.getCount()).isZero();
  }

  private static String exec(String mbean, String operation) {
    return "{\"type\":\"exec\",\"mbean\":\"" + mbean + "\",\"operation\":\"" + operation + "\"}";
  }

  private HttpResponse<String> jolokia(String body) throws Exception {
    return post(
        "/hawtio/jolokia", body, "Authorization", login, "Content-Type", "application/json");
  }

  @Test
  void a_page_of_another_site_is_refused() throws Exception {
    assertThat(
            post("/hawtio/jolokia", "{}", "Authorization", login, "Origin", "http://evil.example")
                .statusCode())
        .isEqualTo(403);
    assertThat(
            get("/hawtio/user", "Authorization", login, "Sec-Fetch-Site", "cross-site")
                .statusCode())
        .isEqualTo(403);
  }

  @Test
  void a_foreign_name_in_the_host_header_is_refused() throws Exception {
    for (String host : new String[] {"evil.example", "evil.example:80", "localhost.evil.example"}) {
      assertThat(statusFor(host)).as(host).contains(" 421 ");
    }
    assertThat(statusFor("localhost")).contains(" 200 ");
  }

  private static String statusFor(String host) throws IOException {
    try (Socket socket = new Socket("127.0.0.1", serai.port("serai.management.port"))) {
      socket
          .getOutputStream()
          .write(
              ("GET /health/live HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
                  .getBytes(StandardCharsets.US_ASCII));
      return new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII))
          .readLine();
    }
  }

  @Test
  void a_post_is_refused_where_nothing_takes_one() throws Exception {
    for (String path : new String[] {"/health", "/health/ready", "/metrics", "/"}) {
      assertThat(post(path, "x").statusCode()).as(path).isEqualTo(405);
    }
    assertThat(post("/hawtio/user", "x", "Authorization", login).statusCode()).isEqualTo(405);
  }

  @Test
  void the_console_gives_only_its_own_files() throws Exception {
    for (String path :
        new String[] {
          "/hawtio/../config/application.properties",
          "/hawtio/%2e%2e/config/jolokia-access.xml",
          "/hawtio/static/..%2f..%2fconfig/application.properties"
        }) {
      assertThat(get(path, "Authorization", login).body()).as(path).doesNotContain("serai.roles");
    }
  }
}
