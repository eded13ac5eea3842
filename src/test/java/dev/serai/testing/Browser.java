package dev.serai.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/** One page in a headless Chromium, driven over the DevTools protocol. */
public final class Browser implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<Path> PLACES =
      List.of(Path.of("/usr/bin/chromium"), Path.of("/usr/bin/chromium-browser"));

  private final HttpClient http = HttpClient.newHttpClient();
  private final Path profile;
  private final Process process;
  private final WebSocket page;
  private final AtomicInteger lastId = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonNode>> open = new ConcurrentHashMap<>();
  private final List<String> refusedLoads = new CopyOnWriteArrayList<>();

  /** Whether there is one on this machine. */
  public static boolean isInstalled() {
    return PLACES.stream().anyMatch(Files::isExecutable);
  }

  public Browser() throws IOException {
    profile = Files.createTempDirectory("serai-browser");
    List<String> command = new ArrayList<>();
    command.add(PLACES.stream().filter(Files::isExecutable).findFirst().orElseThrow().toString());
    command.addAll(
        List.of(
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--window-size=1400,1000",
            "--remote-debugging-port=0",
            "--user-data-dir=" + profile,
            "about:blank"));
    process =
        new ProcessBuilder(command)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    Path portFile = profile.resolve("DevToolsActivePort");
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> Files.exists(portFile) && Files.readAllLines(portFile).size() == 2);
    int port = Integer.parseInt(Files.readAllLines(portFile).get(0).trim());
    page = connect(pageAddress(port));
    send("Page.enable", Map.of());
    send("Network.enable", Map.of());
    send("Runtime.enable", Map.of());
  }

  private URI pageAddress(int port) throws IOException {
    try {
      String targets =
          http.send(
                  HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/json/list"))
                      .build(),
                  HttpResponse.BodyHandlers.ofString())
              .body();
      for (JsonNode target : JSON.readTree(targets)) {
        if (target.path("type").asText().equals("page")) {
          return URI.create(target.path("webSocketDebuggerUrl").asText());
        }
      }
      throw new IOException("no page in " + targets);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  private WebSocket connect(URI address) {
    StringBuilder message = new StringBuilder();
    return http.newWebSocketBuilder()
        .buildAsync(
            address,
            new WebSocket.Listener() {
              @Override
              public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean last) {
                message.append(part);
                if (last) {
                  received(message.toString());
                  message.setLength(0);
                }
                socket.request(1);
                return null;
              }
            })
        .join();
  }

  private void received(String text) {
    try {
      JsonNode message = JSON.readTree(text);
      CompletableFuture<JsonNode> waiting = open.remove(message.path("id").asInt(-1));
      if (waiting != null) {
        waiting.complete(message);
      }
      JsonNode response = message.path("params").path("response");
      if (response.path("status").asInt() >= 400) {
        refusedLoads.add(response.path("status").asInt() + " " + response.path("url").asText());
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** What was answered with 400 or more. */
  public List<String> refusedLoads() {
    return List.copyOf(refusedLoads);
  }

  private JsonNode send(String method, Map<String, ?> parameters) {
    int id = lastId.incrementAndGet();
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    open.put(id, answer);
    try {
      page.sendText(
              JSON.writeValueAsString(Map.of("id", id, "method", method, "params", parameters)),
              true)
          .join();
      JsonNode message = answer.get(60, TimeUnit.SECONDS);
      if (message.has("error")) {
        throw new IllegalStateException(method + ": " + message.path("error"));
      }
      return message.path("result");
    } catch (Exception e) {
      throw new IllegalStateException(method, e);
    }
  }

  /** Logs in to every page. */
  public void authorization(String value) {
    send("Network.setExtraHTTPHeaders", Map.of("headers", Map.of("Authorization", value)));
  }

  public void open(String address) {
    send("Page.navigate", Map.of("url", address));
  }

  /** The value of an expression in the page, as text. */
  public String evaluate(String script) {
    JsonNode result = send("Runtime.evaluate", Map.of("expression", script, "returnByValue", true));
    return result.path("result").path("value").asText();
  }

  public void screenshot(Path file) throws IOException {
    String data = send("Page.captureScreenshot", Map.of("format", "png")).path("data").asText();
    Files.write(file, Base64.getDecoder().decode(data));
  }

  /** A picture in target/screenshots, for people. */
  public void picture(String name) throws IOException {
    screenshot(Files.createDirectories(Path.of("target/screenshots")).resolve(name + ".png"));
  }

  /** The size of the window, in pixels; a narrow one is a phone's. */
  public void size(int width, int height) {
    send(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", width < 600));
  }

  /** Light or dark, as the system says. */
  public void scheme(String name) {
    send(
        "Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", name))));
  }

  /** A key pressed and let go, for instance Tab. */
  public void press(String key, int code) {
    for (String type : List.of("keyDown", "keyUp")) {
      send(
          "Input.dispatchKeyEvent",
          Map.of(
              "type",
              type,
              "key",
              key,
              "code",
              key,
              "windowsVirtualKeyCode",
              code,
              "text",
              type.equals("keyDown") && key.equals("Enter") ? "\r" : ""));
    }
  }

  @Override
  public void close() throws IOException {
    page.abort();
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
    process.onExit().orTimeout(10, TimeUnit.SECONDS).join();
    try (Stream<Path> files = Files.walk(profile)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException | java.io.UncheckedIOException e) {
      // a child of the browser may still write there; the next clean-up of /tmp takes it
    }
  }
}
