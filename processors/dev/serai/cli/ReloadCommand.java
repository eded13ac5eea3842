package dev.serai.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.service.ControlSocket;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Asks a process of this machine to read its configuration and routes again. */
@Command(
    description = "Reads configuration and routes again; exit 1 when that is refused.",
    mixinStandardHelpOptions = true)
final class ReloadCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--json", description = "the answer as the process gives it")
  private boolean json;

  @Option(names = "--socket", paramLabel = "PATH", description = "control.sock of the process")
  private Path socket;

  @Option(names = "--config", paramLabel = "FILE", description = "configuration of the process")
  private Path config;

  private final Sockets sockets;

  ReloadCommand(Sockets sockets) {
    this.sockets = sockets;
  }

  @Override
  public Integer call() throws IOException {
    Path door =
        Optional.ofNullable(socket)
            .orElseGet(() -> sockets.controlSocket(Optional.ofNullable(config)));
    String line = ControlSocket.ask(door, "reload");
    JsonNode answer = new ObjectMapper().readTree(line);
    boolean refused = answer.hasNonNull("code");
    PrintWriter out = Output.out(spec);
    if (json) {
      out.println(line);
    } else if (!refused) {
      print(out, answer);
    }
    out.flush();
    if (refused) {
      answer
          .path("detail")
          .asText()
          .lines()
          .map(problem -> CommandFailure.line(new Reason(code(answer), problem)))
          .forEach(spec.commandLine().getErr()::println);
    }
    return refused ? 1 : 0;
  }

  private static ReasonCode code(JsonNode answer) {
    return Arrays.stream(ReasonCode.values())
        .filter(code -> code.name().equals(answer.path("code").asText()))
        .findFirst()
        .orElse(ReasonCode.INTERNAL_ERROR);
  }

  private static void print(PrintWriter out, JsonNode answer) {
    answer.path("applied").forEach(item -> out.println("reloaded: " + item.asText()));
    answer
        .path("restart")
        .forEach(item -> out.println(item.asText() + "; takes effect at the next start"));
    if (answer.path("applied").isEmpty() && answer.path("restart").isEmpty()) {
      out.println("nothing has changed");
    }
  }
}
