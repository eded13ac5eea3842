package dev.serai.cli;

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
import java.net.http.HttpTimeoutException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** All roles and routes of a process; 1 when one is not ready. */
@Command(
    description = "All roles and routes; exit 1 if not ready.",
    mixinStandardHelpOptions = true)
final class HealthCommand implements Callable<Integer> {
  private static final ObjectMapper READER = new ObjectMapper();

  @Spec private CommandSpec spec;

  @Option(names = "--json", description = "the document as the process gives it")
  private boolean json;

  @Option(names = "--url", paramLabel = "URL", description = "of the management port")
  private String url;

  @Option(names = "--config", paramLabel = "FILE", description = "configuration of the process")
  private Path config;

  private final Sockets sockets;

  HealthCommand(Sockets sockets) {
    this.sockets = sockets;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    HttpResponse<String> answer = ask();
    if (answer.statusCode() != 200 && answer.statusCode() != 503) {
      throw new RefusalException(
          ReasonCode.PEER_UNAVAILABLE, "management answered " + answer.statusCode());
    }
    PrintWriter out = Output.out(spec);
    if (json) {
      out.println(answer.body());
    } else {
      out.print(HealthTable.of(READER.readTree(answer.body())));
    }
    out.flush();
    return answer.statusCode() == 200 ? 0 : 1;
  }

  private HttpResponse<String> ask() throws IOException, InterruptedException {
    String base =
        Optional.ofNullable(url)
            .orElseGet(
                () -> {
                  Optional<Path> file = Optional.ofNullable(config);
                  return "http://"
                      + sockets.value(file, "serai.management.host")
                      + ":"
                      + sockets.value(file, "serai.management.port");
                });
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(base + "/health"))
            .timeout(Duration.ofSeconds(10))
            .build();
    HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    try {
      return client.send(request, HttpResponse.BodyHandlers.ofString());
    } catch (ConnectException e) {
      throw new RefusalException(
          ReasonCode.PEER_UNAVAILABLE, "nothing listens at " + base + "; is serai running?", e);
    } catch (HttpTimeoutException e) {
      throw new RefusalException(
          ReasonCode.DEADLINE_EXCEEDED, "no answer from " + base + " within 10 s", e);
    } catch (IOException e) {
      throw new RefusalException(
          ReasonCode.PEER_UNAVAILABLE, "what listens at " + base + " is not serai's management", e);
    }
  }
}
