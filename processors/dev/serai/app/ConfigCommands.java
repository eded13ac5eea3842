package dev.serai.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.cli.SeraiCommand;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The configuration as a process of it would have it. */
final class ConfigCommands {
  private static final String MASK = "(secret)";

  private ConfigCommands() {}

  static Map<String, Callable<Integer>> all() {
    Map<String, Callable<Integer>> verbs = new LinkedHashMap<>();
    verbs.put("print", new Print());
    verbs.put("check", new Check());
    return verbs;
  }

  /** What both have. */
  private abstract static class Verb implements Callable<Integer> {
    @Spec CommandSpec spec;

    @Option(names = "--config", paramLabel = "FILE", description = "overrides the defaults")
    Path config;

    @Option(names = "--roles", paramLabel = "ROLES", description = "as of run")
    String roles;

    final LayeredSettings read() {
      Optional<Path> file =
          Optional.ofNullable(config).or(() -> ConfiguredSockets.usual(System.getenv()));
      return LayeredSettings.read(
          file, System.getenv(), roles == null ? Map.of() : Map.of("serai.roles", roles));
    }

    static List<String> problems(LayeredSettings settings) {
      return ConfigRules.problems(settings, RoleCatalog.known(RoleCatalog.wanted(settings)));
    }
  }

  @Command(
      description = "The effective configuration with the origin of each value, secrets masked.",
      mixinStandardHelpOptions = true)
  private static final class Print extends Verb {
    @Option(names = "--json", description = "one JSON array")
    private boolean json;

    @Override
    public Integer call() throws IOException {
      LayeredSettings settings = read();
      List<String> problems = problems(settings);
      PrintWriter out = spec.commandLine().getOut();
      List<Map<String, String>> rows = new ArrayList<>();
      settings
          .values()
          .forEach(
              (key, value) -> {
                Map<String, String> row = new LinkedHashMap<>();
                boolean hidden = ConfigModel.isSecret(key) && !value.text().isEmpty();
                row.put("key", key);
                row.put("value", hidden ? MASK : value.text());
                row.put("origin", value.origin().kind());
                row.put("where", value.origin().detail());
                rows.add(row);
              });
      if (json) {
        out.println(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(rows));
      } else {
        rows.forEach(
            row ->
                out.printf(
                    "%s=%s  # %s%n",
                    row.get("key"),
                    row.get("value"),
                    row.get("where").isEmpty() ? row.get("origin") : row.get("where")));
      }
      out.flush();
      refuse(problems);
      return 0;
    }
  }

  @Command(
      description = "Whether a process would start with it: exit 0, or 2 and every problem.",
      mixinStandardHelpOptions = true)
  private static final class Check extends Verb {
    @Override
    public Integer call() {
      LayeredSettings settings = read();
      refuse(problems(settings));
      PrintWriter out = spec.commandLine().getOut();
      out.printf(
          "the configuration can be used: roles %s, %d keys%n",
          settings.text("serai.roles"), settings.values().size());
      out.flush();
      return 0;
    }
  }

  private static void refuse(List<String> problems) {
    if (!problems.isEmpty()) {
      throw LayeredSettings.invalid(String.join("\n", problems));
    }
  }

  /** The verb that holds them. */
  static CommandLine group() {
    return SeraiCommand.group("The configuration of a process.", all());
  }
}
