package dev.serai.app;

import dev.serai.cli.CommandLineErrors;
import dev.serai.cli.SeraiCommand;
import picocli.CommandLine;

/** Entry of the jar: {@code run} and every other verb. */
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    LogSetup.apply("text", "WARN");
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    CommandLine line =
        SeraiCommand.make(new ConfiguredSockets())
            .addSubcommand("run", new RunCommand())
            .addSubcommand("config", ConfigCommands.group())
            .addSubcommand("demo", new DemoCommand())
            .addSubcommand("warm-up", new WarmUpCommand());
    line.getSubcommands().get("warm-up").getCommandSpec().usageMessage().hidden(true);
    return CommandLineErrors.oneLine(line);
  }
}
