package dev.serai.management;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.serai.dashboard.Dashboard;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Health, metrics, the dashboard and the console on one loopback port. Names in the Host header
 * that are not this machine's are refused, so that a web page cannot reach it by a name of its own
 * (DNS rebinding). Only the console's JMX queries take a POST; dashboard and console want a login
 * and answer only callers on this machine.
 */
public final class ManagementServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ManagementServer.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_POST = 1 << 20;
  private static final int THREADS = 32;

  /** Counts while a request waits for a thread, too: a busy machine needs some of it. */
  private static final Duration LONGEST_REQUEST = Duration.ofSeconds(20);

  private static final Duration LONGEST_ANSWER = Duration.ofSeconds(60);
  private static final String LOGIN_REQUIRED =
      "CALLER_NOT_AUTHENTICATED: login required: user serai, password in hawtio-password of the"
          + " state directory. Open without: /health /health/live /health/ready /health/routes"
          + " /metrics\n";
  private static final String CONSOLE = "/hawtio";
  private static final String JOLOKIA = CONSOLE + "/jolokia";
  private static final Map<String, String> TYPES =
      Map.of(
          "html", "text/html; charset=utf-8",
          "js", "text/javascript; charset=utf-8",
          "css", "text/css; charset=utf-8",
          "json", "application/json",
          "svg", "image/svg+xml",
          "ico", "image/x-icon",
          "woff2", "font/woff2",
          "woff", "font/woff",
          "txt", "text/plain; charset=utf-8");

  /** Small answers that the console's script asks for before it shows anything. */
  private static final Map<String, String> CONSOLE_ANSWERS =
      Map.of(
          "/user", "\"" + ConsolePassword.USER + "\"",
          "/plugin", "[]",
          "/proxy/enabled", "false",
          "/keycloak/enabled", "false",
          "/auth/config", "[]",
          "/auth/config/login", "[]",
          "/auth/config/session-timeout", "{}");

  /**
   * Read by the JDK's server as its class is loaded. A caller that does not end his request, or
   * does not read his answer, would hold a thread for ever otherwise.
   */
  static {
    // Header and body are two segments: without this a kept connection waits 40 ms for each answer.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    System.setProperty("sun.net.httpserver.maxReqTime", Long.toString(LONGEST_REQUEST.toSeconds()));
    System.setProperty("sun.net.httpserver.maxRspTime", Long.toString(LONGEST_ANSWER.toSeconds()));
  }

  private final HealthReport health;
  private final Probes probes;
  private final Supplier<String> metrics;
  private final ConsoleLogin login;
  private final Dashboard dashboard;
  private final Set<String> hosts;
  private final JolokiaBridge jolokia = new JolokiaBridge();
  private final RequestThreads threads = new RequestThreads(THREADS);
  private final HttpServer server;

  private ManagementServer(
      HttpServer server,
      Set<String> hosts,
      HealthReport health,
      Dashboard dashboard,
      Supplier<String> metrics,
      ConsoleLogin login) {
    this.server = server;
    this.hosts = hosts;
    this.health = health;
    this.probes = new Probes(health);
    this.metrics = metrics;
    this.dashboard = dashboard;
    this.login = login;
  }

  /**
   * Binds and serves.
   *
   * @param allowedHosts further names that callers may use for this machine
   * @param metrics the scrape text
   * @param passwordFile made when missing
   * @throws IOException when the port is taken
   */
  public static ManagementServer start(
      String host,
      int port,
      List<String> allowedHosts,
      HealthReport health,
      Dashboard dashboard,
      Supplier<String> metrics,
      Path passwordFile)
      throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getByName(host), port), 0);
    Set<String> hosts = new TreeSet<>(List.of("localhost", "127.0.0.1", "[::1]"));
    hosts.add(host.toLowerCase(Locale.ROOT));
    allowedHosts.forEach(name -> hosts.add(name.toLowerCase(Locale.ROOT)));
    ManagementServer management =
        new ManagementServer(
            server,
            hosts,
            health,
            dashboard,
            metrics,
            new ConsoleLogin(ConsolePassword.at(passwordFile), System::nanoTime));
    server.setExecutor(management.threads);
    server.createContext("/", management::serve);
    server.start();
    return management;
  }

  public int port() {
    return server.getAddress().getPort();
  }

  private void serve(HttpExchange exchange) {
    try (exchange) {
      try {
        Answer answer = threads.answering(() -> answer(exchange));
        send(exchange, answer);
      } catch (IOException e) {
        LOG.debug("a caller of management went away", e);
      } catch (RuntimeException e) {
        LOG.error("management failed on {}", exchange.getRequestURI().getPath(), e);
        send(exchange, Answer.text(500, "INTERNAL_ERROR: see the log\n"));
      }
    } catch (IOException e) {
      LOG.debug("a caller of management went away", e);
    }
  }

  /** What goes back. */
  private record Answer(int status, String type, byte[] body, Map<String, String> headers) {
    static Answer text(int status, String text) {
      return new Answer(
          status, "text/plain; charset=utf-8", text.getBytes(StandardCharsets.UTF_8), Map.of());
    }

    static Answer json(int status, Object value) {
      try {
        return new Answer(status, "application/json", JSON.writeValueAsBytes(value), Map.of());
      } catch (JsonProcessingException e) {
        throw new IllegalStateException(e);
      }
    }

    Answer with(String name, String value) {
      Map<String, String> more = new HashMap<>(headers);
      more.put(name, value);
      return new Answer(status, type, body, more);
    }
  }

  private Answer answer(HttpExchange exchange) throws IOException {
    if (!hosts.contains(hostName(exchange.getRequestHeaders().getFirst("Host")))) {
      return Answer.text(421, "CALLER_NOT_ALLOWED: unknown name in the Host header\n");
    }
    String path = exchange.getRequestURI().getPath();
    if (isUnder(path, CONSOLE)) {
      return console(exchange, path);
    }
    if (!isGet(exchange)) {
      return Answer.text(405, "UNKNOWN_OPERATION: only GET\n").with("Allow", "GET, HEAD");
    }
    if (path.equals("/") || isUnder(path, Dashboard.PATH)) {
      return dashboard(exchange, path);
    }
    Optional<Probes.Answer> probe =
        probes.answer(path, parameters(exchange.getRequestURI().getRawQuery()));
    return probe.isPresent() ? Answer.text(probe.get().status(), probe.get().text()) : look(path);
  }

  private Answer look(String path) {
    switch (path) {
      case "/health/live":
        boolean live = health.vitals().alive();
        return Answer.json(live ? 200 : 503, Map.of("live", live));
      case "/health/ready":
        return byReadiness(health.readiness());
      case "/health":
        return byReadiness(health.all());
      case "/health/routes":
        return Answer.json(200, health.routes());
      case "/metrics":
        return new Answer(
            200,
            "text/plain; version=0.0.4; charset=utf-8",
            metrics.get().getBytes(StandardCharsets.UTF_8),
            Map.of());
      default:
        String routes = "/health/routes/";
        return (path.startsWith(routes)
                ? health.route(path.substring(routes.length()))
                : Optional.<Object>empty())
            .map(view -> Answer.json(200, view))
            .orElseGet(() -> Answer.text(404, "UNKNOWN_OPERATION: no such page\n"));
    }
  }

  private static Answer byReadiness(Map<String, Object> view) {
    return Answer.json(Boolean.TRUE.equals(view.get("ready")) ? 200 : 503, view);
  }

  /** Empty when the caller may go on: on this machine, logged in, from a page of ours. */
  private Optional<Answer> notLetIn(HttpExchange exchange) {
    Headers headers = exchange.getRequestHeaders();
    if (!exchange.getRemoteAddress().getAddress().isLoopbackAddress()) {
      return Optional.of(
          Answer.text(403, "CALLER_NOT_ALLOWED: dashboard and console answer this machine only\n"));
    }
    switch (login.check(Optional.ofNullable(headers.getFirst("Authorization")))) {
      case ACCEPTED:
        return ownPage(headers)
            ? Optional.empty()
            : Optional.of(
                Answer.text(403, "CALLER_NOT_ALLOWED: asked by a page of another site\n"));
      case TOO_MANY:
        return Optional.of(
            Answer.text(429, "RATE_LIMITED: too many wrong passwords; wait a few seconds\n")
                .with("Retry-After", "5"));
      default:
        return Optional.of(
            Answer.text(401, LOGIN_REQUIRED)
                .with("WWW-Authenticate", "Basic realm=\"serai\", charset=\"UTF-8\""));
    }
  }

  private Answer dashboard(HttpExchange exchange, String path) throws IOException {
    Optional<Answer> refused = notLetIn(exchange);
    if (refused.isPresent()) {
      return refused.get();
    }
    Dashboard.Page page =
        dashboard.page(path, Optional.ofNullable(exchange.getRequestURI().getRawQuery()));
    return new Answer(
        page.status(),
        page.type(),
        page.body(),
        Map.of("Content-Security-Policy", Dashboard.CONTENT_SECURITY_POLICY));
  }

  private Answer console(HttpExchange exchange, String path) throws IOException {
    Optional<Answer> refused = notLetIn(exchange);
    if (refused.isPresent()) {
      return refused.get();
    }
    if (isUnder(path, JOLOKIA)) {
      return jolokia(exchange, path);
    }
    if (!isGet(exchange)) {
      return Answer.text(405, "UNKNOWN_OPERATION: only GET\n").with("Allow", "GET, HEAD");
    }
    if (path.equals(CONSOLE)) {
      return Answer.text(302, "").with("Location", CONSOLE + "/");
    }
    String below = path.substring(CONSOLE.length());
    String fixed = CONSOLE_ANSWERS.get(below);
    return fixed != null
        ? new Answer(200, "application/json", fixed.getBytes(StandardCharsets.UTF_8), Map.of())
        : page(below);
  }

  private Answer jolokia(HttpExchange exchange, String path) throws IOException {
    Map<String, String[]> parameters = parameters(exchange.getRequestURI().getRawQuery());
    String uri = exchange.getRequestURI().toString();
    String answer;
    if (isGet(exchange)) {
      answer = jolokia.get(uri, path.substring(JOLOKIA.length()), parameters);
    } else if (exchange.getRequestMethod().equals("POST")) {
      byte[] body = exchange.getRequestBody().readNBytes(MAX_POST + 1);
      if (body.length > MAX_POST) {
        return Answer.text(413, "REQUEST_TOO_LARGE: at most 1 MiB\n");
      }
      answer = jolokia.post(uri, body, parameters);
    } else {
      return Answer.text(405, "UNKNOWN_OPERATION: only GET and POST\n")
          .with("Allow", "GET, HEAD, POST");
    }
    return new Answer(200, "application/json", answer.getBytes(StandardCharsets.UTF_8), Map.of());
  }

  /** A file of the console; any other path is a view of its single page. */
  private static Answer page(String below) throws IOException {
    boolean plain = below.matches("(/[A-Za-z0-9_][A-Za-z0-9._-]*)+") && !below.contains("..");
    String type = TYPES.get(below.substring(below.lastIndexOf('.') + 1));
    if (plain && type != null) {
      try (InputStream in = resource(below)) {
        return in == null
            ? Answer.text(404, "UNKNOWN_OPERATION: no such page\n")
            : new Answer(
                200, type, in.readAllBytes(), Map.of("Cache-Control", "private, max-age=3600"));
      }
    }
    try (InputStream in = resource("/index.html")) {
      if (in == null) {
        return Answer.text(404, "UNKNOWN_OPERATION: this build has no console\n");
      }
      return new Answer(200, TYPES.get("html"), in.readAllBytes(), Map.of());
    }
  }

  private static InputStream resource(String below) {
    return ManagementServer.class.getClassLoader().getResourceAsStream("hawtio-static" + below);
  }

  /** Browsers say where a question comes from; another site's page may not ask. */
  private static boolean ownPage(Headers headers) {
    String site = headers.getFirst("Sec-Fetch-Site");
    if (site != null && !site.equals("same-origin") && !site.equals("none")) {
      return false;
    }
    String origin = headers.getFirst("Origin");
    return origin == null || origin.equals("http://" + headers.getFirst("Host"));
  }

  private static boolean isUnder(String path, String prefix) {
    return path.equals(prefix) || path.startsWith(prefix + "/");
  }

  private static boolean isGet(HttpExchange exchange) {
    return exchange.getRequestMethod().equals("GET") || exchange.getRequestMethod().equals("HEAD");
  }

  private static String hostName(String header) {
    if (header == null) {
      return "";
    }
    int colon = header.lastIndexOf(':');
    boolean port = colon > header.lastIndexOf(']');
    return (port ? header.substring(0, colon) : header).toLowerCase(Locale.ROOT);
  }

  static Map<String, String[]> parameters(String query) {
    Map<String, List<String>> read = new HashMap<>();
    if (query != null) {
      for (String pair : query.split("&")) {
        int equals = pair.indexOf('=');
        String name = equals < 0 ? pair : pair.substring(0, equals);
        String value = equals < 0 ? "" : pair.substring(equals + 1);
        read.computeIfAbsent(decode(name), n -> new ArrayList<>()).add(decode(value));
      }
    }
    Map<String, String[]> parameters = new HashMap<>();
    read.forEach((name, values) -> parameters.put(name, values.toArray(String[]::new)));
    return parameters;
  }

  private static String decode(String text) {
    try {
      return URLDecoder.decode(text, StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) { // a stray percent sign is taken as it is
      return text;
    }
  }

  private static void send(HttpExchange exchange, Answer answer) throws IOException {
    Headers headers = exchange.getResponseHeaders();
    headers.set("Content-Type", answer.type());
    headers.set("Cache-Control", "no-store");
    headers.set("X-Content-Type-Options", "nosniff");
    headers.set("X-Frame-Options", "DENY");
    headers.set("Referrer-Policy", "no-referrer");
    answer.headers().forEach(headers::set);
    boolean head = exchange.getRequestMethod().equals("HEAD");
    exchange.sendResponseHeaders(
        answer.status(), head || answer.body().length == 0 ? -1 : answer.body().length);
    if (!head && answer.body().length > 0) {
      exchange.getResponseBody().write(answer.body());
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.close();
    jolokia.close();
    health.close();
  }
}
