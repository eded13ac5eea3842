package dev.serai.testing.operator;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * A fake operator: knows where its subscribers are and answers as CAMARA or the prototype says.
 * Whatever is not exactly as it has to be (method, path, headers, form, order) is answered with an
 * error and noted in {@link #complaints()}. Also a program of its own: see {@link #main}.
 */
public final class FakeOperator implements AutoCloseable {
  /** What it does at the next requests. */
  public enum Mood {
    WELL,
    /** Answers when the mood changes. */
    SILENT,
    GARBAGE,
    TOO_MANY_REQUESTS,
    BROKEN,
    /** {@code UNKNOWN}, as versions 1 and 2 have it. */
    SAYS_UNKNOWN,
    /** 422, as version 3 has it. */
    CANNOT_LOCATE,
    PARTIAL,
    AREA_TOO_SMALL
  }

  /** The form of the verification that it takes. */
  public enum Dialect {
    V0("/location/v0/verify"),
    CAMARA("/location-verification/v3/verify");

    private final String path;

    Dialect(String path) {
      this.path = path;
    }
  }

  private static final String CLIENT = "serai-test:not-so-secret";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final double METRES_OF_A_DEGREE = 111_320;

  private record Place(double latitude, double longitude) {}

  private record Grant(String msisdn) {}

  private record Token(String msisdn, Instant until) {}

  private final OperatorCertificate certificate = new OperatorCertificate();
  private final HttpsServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Map<String, Place> subscribers = new ConcurrentHashMap<>();
  private final Map<String, Grant> grants = new ConcurrentHashMap<>();
  private final Map<String, Token> tokens = new ConcurrentHashMap<>();
  private final List<String> complaints = new CopyOnWriteArrayList<>();
  private final List<String> calls = new CopyOnWriteArrayList<>();
  private final Dialect dialect;
  private volatile Mood mood = Mood.WELL;
  private volatile CountDownLatch silence = new CountDownLatch(0);
  private volatile String retryAfter = "7";
  private volatile long tokenSeconds = 3600;
  private volatile List<String> pollAnswers = List.of();
  private volatile boolean namesDevice = true;
  private volatile Instant lastLocationTime = Instant.now();

  private FakeOperator(Dialect dialect, int port) {
    this.dialect = dialect;
    try {
      server =
          HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 64);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    server.setHttpsConfigurator(new HttpsConfigurator(certificate.serverContext()));
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  /** On a port of its own. */
  public static FakeOperator start(Dialect dialect) {
    return new FakeOperator(dialect, 0);
  }

  /**
   * Runs until it is ended. Arguments: a directory for ca.pem and credentials, a port, camara or
   * v0, and subscribers as {@code +34696810912=40.33,-3.7707}.
   */
  public static void main(String... arguments) throws InterruptedException {
    FakeOperator operator =
        new FakeOperator(
            arguments[2].equals("v0") ? Dialect.V0 : Dialect.CAMARA,
            Integer.parseInt(arguments[1]));
    for (int i = 3; i < arguments.length; i++) {
      String[] parts = arguments[i].split("[=,]");
      operator.locate(parts[0], Double.parseDouble(parts[1]), Double.parseDouble(parts[2]));
    }
    operator.settings(Path.of(arguments[0])).forEach((k, v) -> System.out.println(k + "=" + v));
    new CountDownLatch(1).await();
  }

  /** The keys with which a process asks it; writes the files they name. */
  public Map<String, String> settings(Path directory) {
    Path authority = directory.resolve("operator-ca.pem");
    Path credentials = directory.resolve("operator-credentials");
    try {
      Files.writeString(authority, certificate.authorityPem());
      Files.writeString(credentials, CLIENT + "\n");
      Files.setPosixFilePermissions(credentials, PosixFilePermissions.fromString("rw-------"));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return Map.of(
        "serai.camara.url",
        "https://127.0.0.1:" + server.getAddress().getPort(),
        "serai.camara.ca",
        authority.toString(),
        "serai.camara.credentials-file",
        credentials.toString(),
        "serai.camara.dialect",
        dialect == Dialect.V0 ? "v0" : "camara");
  }

  /** A subscriber is there from now on. */
  public void locate(String msisdn, double latitude, double longitude) {
    subscribers.put(msisdn, new Place(latitude, longitude));
  }

  /** From the next request on; those that wait are answered. */
  public void mood(Mood next) {
    CountDownLatch before = silence;
    silence = new CountDownLatch(next == Mood.SILENT ? 1 : 0);
    mood = next;
    before.countDown();
  }

  public void retryAfter(String header) {
    retryAfter = header;
  }

  /** How long tokens are good that are given from now on. */
  public void tokenLife(Duration life) {
    tokenSeconds = life.toSeconds();
  }

  /** It takes no token that it has given. */
  public void forgetTokens() {
    tokens.clear();
  }

  /** OAuth errors with which the next polls are answered before there is a token. */
  public void pollAnswers(String... errors) {
    pollAnswers = List.of(errors);
  }

  /** Whether requests have to name the device, or must not. */
  public void namesDevice(boolean named) {
    namesDevice = named;
  }

  /** {@link Instant#MIN} for an operator that leaves it out. */
  public void lastLocationTime(Instant at) {
    lastLocationTime = at;
  }

  /** What was wrong with requests. */
  public List<String> complaints() {
    return List.copyOf(complaints);
  }

  /** "authorize", "token", "verify" in the order in which they came. */
  public List<String> calls() {
    return List.copyOf(calls);
  }

  public long verifications() {
    return calls.stream().filter("verify"::equals).count();
  }

  /** As it was at the start, subscribers kept. */
  public void reset() {
    mood(Mood.WELL);
    retryAfter = "7";
    tokenSeconds = 3600;
    pollAnswers = List.of();
    namesDevice = true;
    lastLocationTime = Instant.now();
    tokens.clear();
    complaints.clear();
    calls.clear();
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      Mood now = mood;
      if (now == Mood.SILENT) {
        await(silence);
      }
      if (!misbehaved(exchange, now)) {
        serve(exchange, new String(body, StandardCharsets.UTF_8));
      }
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      if (!latch.await(2, TimeUnit.MINUTES)) {
        throw new IllegalStateException("nobody ended the silence");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean misbehaved(HttpExchange exchange, Mood now) throws IOException {
    switch (now) {
      case GARBAGE -> send(exchange, 200, "text/html", "<html>Welcome to the hotel</html>");
      case TOO_MANY_REQUESTS -> {
        if (!retryAfter.isEmpty()) {
          exchange.getResponseHeaders().set("Retry-After", retryAfter);
        }
        error(exchange, 429, "TOO_MANY_REQUESTS");
      }
      case BROKEN -> error(exchange, 500, "INTERNAL");
      default -> {
        return false;
      }
    }
    return true;
  }

  private void serve(HttpExchange exchange, String body) throws IOException {
    String path = exchange.getRequestURI().toString();
    if (!exchange.getRequestMethod().equals("POST")) {
      refuse(exchange, 405, "METHOD_NOT_ALLOWED", exchange.getRequestMethod());
    } else if (path.equals("/bc-authorize")) {
      calls.add("authorize");
      authorize(exchange, body);
    } else if (path.equals("/token")) {
      calls.add("token");
      token(exchange, body);
    } else if (path.equals(dialect.path)) {
      calls.add("verify");
      verify(exchange, body);
    } else {
      refuse(exchange, 404, "NOT_FOUND", path);
    }
  }

  private void authorize(HttpExchange exchange, String body) throws IOException {
    Map<String, String> form = form(exchange, body, Set.of("login_hint", "scope"));
    if (form.isEmpty()) {
      return;
    }
    String hint = form.get("login_hint");
    if (!hint.matches("tel:\\+[1-9][0-9]{4,14}")) {
      refuse(exchange, 400, "invalid_request", "login_hint " + hint);
      return;
    }
    if (!List.of(form.get("scope").split(" ")).contains("location-verification:verify")) {
      refuse(exchange, 400, "invalid_scope", "scope " + form.get("scope"));
      return;
    }
    String id = UUID.randomUUID().toString();
    grants.put(id, new Grant(hint.substring("tel:".length())));
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("auth_req_id", id);
    answer.put("expires_in", 120);
    answer.put("interval", 2);
    send(exchange, 200, "application/json", JSON.writeValueAsString(answer));
  }

  private void token(HttpExchange exchange, String body) throws IOException {
    Map<String, String> form = form(exchange, body, Set.of("grant_type", "auth_req_id"));
    if (form.isEmpty()) {
      return;
    }
    if (!form.get("grant_type").equals("urn:openid:params:grant-type:ciba")) {
      refuse(exchange, 400, "unsupported_grant_type", form.get("grant_type"));
      return;
    }
    Grant grant = grants.get(form.get("auth_req_id"));
    if (grant == null) {
      refuse(exchange, 400, "invalid_grant", "an auth_req_id that was never given, or was used");
      return;
    }
    List<String> errors = pollAnswers;
    if (!errors.isEmpty()) {
      pollAnswers = errors.subList(1, errors.size());
      send(
          exchange,
          400,
          "application/json",
          JSON.writeValueAsString(Map.of("error", errors.get(0))));
      return;
    }
    grants.remove(form.get("auth_req_id"));
    String token = UUID.randomUUID().toString();
    tokens.put(token, new Token(grant.msisdn(), Instant.now().plusSeconds(tokenSeconds)));
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("access_token", token);
    answer.put("token_type", "Bearer");
    answer.put("expires_in", tokenSeconds);
    send(exchange, 200, "application/json", JSON.writeValueAsString(answer));
  }

  /** Empty when it has been refused. */
  private Map<String, String> form(HttpExchange exchange, String body, Set<String> wanted)
      throws IOException {
    String basic = Base64.getEncoder().encodeToString(CLIENT.getBytes(StandardCharsets.UTF_8));
    if (!header(exchange, "Authorization").equals("Basic " + basic)) {
      refuse(exchange, 401, "invalid_client", "no Basic credentials of ours");
      return Map.of();
    }
    if (!header(exchange, "Content-Type").equals("application/x-www-form-urlencoded")) {
      refuse(exchange, 400, "invalid_request", header(exchange, "Content-Type"));
      return Map.of();
    }
    Map<String, String> form = new LinkedHashMap<>();
    for (String pair : body.split("&")) {
      String[] parts = pair.split("=", 2);
      if (parts.length != 2
          || parts[1].contains("+34") // a plus sign that is not encoded is a space
          || form.put(parts[0], URLDecoder.decode(parts[1], StandardCharsets.UTF_8)) != null) {
        refuse(exchange, 400, "invalid_request", "form " + parts[0]);
        return Map.of();
      }
    }
    if (!form.keySet().equals(wanted)) {
      refuse(exchange, 400, "invalid_request", "fields " + form.keySet());
      return Map.of();
    }
    return form;
  }

  private void verify(HttpExchange exchange, String body) throws IOException {
    String authorization = header(exchange, "Authorization");
    Token token = tokens.get(authorization.replaceFirst("^Bearer ", ""));
    if (!authorization.startsWith("Bearer ")
        || token == null
        || Instant.now().isAfter(token.until())) {
      error(exchange, 401, "UNAUTHENTICATED");
      return;
    }
    if (!header(exchange, "Content-Type").equals("application/json")
        || !header(exchange, "x-correlator").matches("[a-zA-Z0-9-_:;./<>{}]{1,256}")) {
      refuse(exchange, 400, "INVALID_ARGUMENT", "headers of a verification");
      return;
    }
    JsonNode json;
    try {
      json = JSON.readTree(body);
    } catch (JsonProcessingException e) {
      refuse(exchange, 400, "INVALID_ARGUMENT", "not JSON");
      return;
    }
    if (dialect == Dialect.V0) {
      verifyV0(exchange, json, token);
    } else {
      verifyCamara(exchange, json, token);
    }
  }

  private void verifyV0(HttpExchange exchange, JsonNode json, Token token) throws IOException {
    if (!keys(json).equals(Set.of("ueId", "latitude", "longitude", "accuracy"))
        || !keys(json.path("ueId")).equals(Set.of("msisdn"))
        || !json.path("ueId").path("msisdn").asText().equals("tel:" + token.msisdn())) {
      refuse(exchange, 400, "INVALID_ARGUMENT", "body " + json);
      return;
    }
    judge(exchange, token.msisdn(), json, json.path("accuracy").asDouble());
  }

  private void verifyCamara(HttpExchange exchange, JsonNode json, Token token) throws IOException {
    Set<String> known = new HashSet<>(Set.of("area"));
    if (json.has("device")) {
      if (!namesDevice) {
        error(exchange, 422, "UNNECESSARY_IDENTIFIER");
        return;
      }
      known.add("device");
    } else if (namesDevice) {
      error(exchange, 422, "MISSING_IDENTIFIER");
      return;
    }
    if (json.has("maxAge")) {
      known.add("maxAge");
    }
    JsonNode area = json.path("area");
    boolean lawful =
        keys(json).equals(known)
            && (!json.has("device")
                || (keys(json.path("device")).equals(Set.of("phoneNumber"))
                    && json.path("device").path("phoneNumber").asText().equals(token.msisdn())))
            && (!json.has("maxAge") || json.path("maxAge").isIntegralNumber())
            && keys(area).equals(Set.of("areaType", "center", "radius"))
            && area.path("areaType").asText().equals("CIRCLE")
            && keys(area.path("center")).equals(Set.of("latitude", "longitude"))
            && area.path("radius").isNumber()
            && area.path("radius").asDouble() >= 1;
    if (!lawful) {
      refuse(exchange, 400, "INVALID_ARGUMENT", "body " + json);
      return;
    }
    judge(exchange, token.msisdn(), area.path("center"), area.path("radius").asDouble());
  }

  private static Set<String> keys(JsonNode json) {
    Set<String> keys = new HashSet<>();
    json.fieldNames().forEachRemaining(keys::add);
    return keys;
  }

  private void judge(HttpExchange exchange, String msisdn, JsonNode center, double radius)
      throws IOException {
    Place place = subscribers.get(msisdn);
    if (place == null) {
      error(exchange, 404, "IDENTIFIER_NOT_FOUND");
      return;
    }
    Map<String, Object> answer = new LinkedHashMap<>();
    switch (mood) {
      case CANNOT_LOCATE -> {
        error(exchange, 422, "LOCATION_VERIFICATION.UNABLE_TO_LOCATE");
        return;
      }
      case AREA_TOO_SMALL -> {
        error(exchange, 422, "LOCATION_VERIFICATION.INVALID_AREA");
        return;
      }
      case SAYS_UNKNOWN -> answer.put("verificationResult", "UNKNOWN");
      case PARTIAL -> {
        answer.put("verificationResult", "PARTIAL");
        answer.put("matchRate", 74);
      }
      default -> {
        double north = (place.latitude() - center.path("latitude").asDouble());
        double east =
            (place.longitude() - center.path("longitude").asDouble())
                * Math.cos(Math.toRadians(place.latitude()));
        boolean inside = Math.hypot(north, east) * METRES_OF_A_DEGREE <= radius;
        answer.put("verificationResult", said(inside));
      }
    }
    if (dialect == Dialect.CAMARA && !lastLocationTime.equals(Instant.MIN)) {
      answer.put("lastLocationTime", lastLocationTime.toString());
    }
    send(exchange, 200, "application/json", JSON.writeValueAsString(answer));
  }

  private Object said(boolean inside) {
    return dialect == Dialect.V0 ? (Object) inside : inside ? "TRUE" : "FALSE";
  }

  private static String header(HttpExchange exchange, String name) {
    List<String> values = exchange.getRequestHeaders().getOrDefault(name, new ArrayList<>());
    return values.size() == 1 ? values.get(0) : "";
  }

  private void refuse(HttpExchange exchange, int status, String code, String why)
      throws IOException {
    complaints.add(exchange.getRequestURI().getPath() + ": " + why);
    error(exchange, status, code);
  }

  private static void error(HttpExchange exchange, int status, String code) throws IOException {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("status", status);
    body.put("code", code);
    body.put("message", "as the test wanted it");
    send(exchange, status, "application/json", JSON.writeValueAsString(body));
  }

  private static void send(HttpExchange exchange, int status, String type, String body)
      throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  @Override
  public void close() {
    silence.countDown();
    server.stop(0);
    threads.shutdownNow();
  }
}
