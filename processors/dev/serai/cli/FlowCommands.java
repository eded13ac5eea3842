package dev.serai.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** serai flow ...: what the dashboard shows of flows, in the terminal. */
final class FlowCommands {
  private static final ObjectMapper READER = new ObjectMapper();
  private static final int UNAUTHORIZED = 401;

  private FlowCommands() {}

  static Map<String, Callable<Integer>> all(Sockets sockets) {
    Map<String, Callable<Integer>> verbs = new LinkedHashMap<>();
    verbs.put("list", new ListFlows(sockets));
    verbs.put("show", new ShowFlow(sockets));
    return verbs;
  }

  /** The way to the dashboard's data: the management port, and the login from its file. */
  private abstract static class Question implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    @Option(names = "--url", paramLabel = "URL", description = "of the management port")
    private String url;

    @Option(names = "--config", paramLabel = "FILE", description = "configuration of the process")
    private Path config;

    @Option(
        names = "--password-file",
        paramLabel = "FILE",
        description = "else hawtio-password in the state directory of the configuration")
    private Path password;

    private final Sockets sockets;

    Question(Sockets sockets) {
      this.sockets = sockets;
    }

    /** What follows /dashboard/api/. */
    abstract String path();

    abstract void print(PrintWriter out, JsonNode answer);

    @Override
    public Integer call() throws IOException, InterruptedException {
      String body = ask();
      PrintWriter out = Output.out(spec);
      if (json) {
        out.println(body);
      } else {
        print(out, READER.readTree(body));
      }
      out.flush();
      return 0;
    }

    private String ask() throws IOException, InterruptedException {
      Optional<Path> file = Optional.ofNullable(config);
      String base =
          Optional.ofNullable(url)
              .orElseGet(
                  () ->
                      "http://"
                          + sockets.value(file, "serai.management.host")
                          + ":"
                          + sockets.value(file, "serai.management.port"));
      Path passwordFile =
          Optional.ofNullable(password)
              .orElseGet(() -> Path.of(sockets.value(file, "serai.state-dir"), "hawtio-password"));
      if (!Files.isReadable(passwordFile)) {
        throw new RefusalException(
            ReasonCode.CALLER_NOT_AUTHENTICATED, "cannot read the password in " + passwordFile);
      }
      String login = "serai:" + Files.readString(passwordFile).trim();
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(base + "/dashboard/api/" + path()))
              .timeout(Duration.ofSeconds(10))
              .header(
                  "Authorization",
                  "Basic "
                      + Base64.getEncoder().encodeToString(login.getBytes(StandardCharsets.UTF_8)))
              .build();
      HttpResponse<String> answer;
      try {
        answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
      } catch (ConnectException e) {
        throw new RefusalException(
            ReasonCode.PEER_UNAVAILABLE, "nothing listens at " + base + "; is serai running?", e);
      }
      if (answer.statusCode() == UNAUTHORIZED) {
        throw new RefusalException(
            ReasonCode.CALLER_NOT_AUTHENTICATED, "the password in " + passwordFile + " is wrong");
      }
      if (answer.statusCode() == 404) {
        throw new RefusalException(
            ReasonCode.UNKNOWN_OPERATION,
            "this process keeps no such flow; it keeps the last of each kind");
      }
      if (answer.statusCode() != 200) {
        throw new RefusalException(
            ReasonCode.PEER_UNAVAILABLE, "management answered " + answer.statusCode());
      }
      return answer.body();
    }
  }

  @Command(
      description = "The last flows of the process, the latest first.",
      mixinStandardHelpOptions = true)
  private static final class ListFlows extends Question {
    @Option(names = "--refused", description = "only those that were refused")
    private boolean refused;

    @Option(names = "--limit", paramLabel = "N", defaultValue = "50")
    private int limit;

    ListFlows(Sockets sockets) {
      super(sockets);
    }

    @Override
    String path() {
      return "flows?limit=" + Math.max(1, limit) + (refused ? "&refused=true" : "");
    }

    @Override
    void print(PrintWriter out, JsonNode answer) {
      List<List<String>> rows = new ArrayList<>();
      for (JsonNode flow : answer.path("list")) {
        rows.add(
            List.of(
                flow.path("traceId").asText(),
                flow.path("startedAt").asText(),
                flow.path("entryRoute").asText(),
                flow.path("steps").asText(),
                millis(flow.path("tookMicros")),
                end(flow, flow.path("running").asBoolean())));
      }
      out.print(Output.table(List.of("TRACE", "BEGAN", "FROM", "STEPS", "MS", "END"), rows));
    }
  }

  @Command(description = "One flow, step by step.", mixinStandardHelpOptions = true)
  private static final class ShowFlow extends Question {
    @Parameters(paramLabel = "TRACE", description = "trace id, as in the log")
    private String trace;

    ShowFlow(Sockets sockets) {
      super(sockets);
    }

    @Override
    String path() {
      if (!trace.matches("[0-9a-f]{32}")) {
        throw new RefusalException(
            ReasonCode.MALFORMED_REQUEST, "a trace id has 32 hex digits: " + trace);
      }
      return "flows/" + trace;
    }

    @Override
    void print(PrintWriter out, JsonNode flow) {
      List<List<String>> rows = new ArrayList<>();
      for (JsonNode step : flow.path("steps")) {
        rows.add(
            List.of(
                step.path("route").asText(),
                step.path("step").asText(),
                millis(step.path("startMicros")),
                millis(step.path("tookMicros")),
                end(step, step.path("tookMicros").isNull())));
      }
      out.print(Output.table(List.of("ROUTE", "STEP", "AT MS", "MS", "END"), rows));
      int left = flow.path("stepsNotKept").asInt();
      if (left > 0) {
        out.println("and " + left + " steps that were not kept");
      }
    }
  }

  private static String millis(JsonNode micros) {
    return micros.isNull() ? "" : String.format(Locale.ROOT, "%.3f", micros.asLong() / 1_000.0);
  }

  private static String end(JsonNode one, boolean running) {
    if (!one.path("refusedWith").isNull()) {
      return one.path("refusedWith").asText();
    }
    return running ? "running" : "ok";
  }
}
