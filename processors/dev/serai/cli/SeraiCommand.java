package dev.serai.cli;

import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The verbs. A verb with nothing after it is a usage error. */
@Command(
    name = "serai",
    description =
        "SPIFFE identities for machines that keep proving, with their TPM, what they are.",
    mixinStandardHelpOptions = true,
    versionProvider = SeraiCommand.Version.class)
public final class SeraiCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  private SeraiCommand() {}

  /** All verbs that need only the sockets of a running process. */
  public static CommandLine make(Sockets sockets) {
    CommandLine line = new CommandLine(new SeraiCommand());
    line.addSubcommand("health", new HealthCommand(sockets));
    line.addSubcommand("reload", new ReloadCommand(sockets));
    group(line, "node", "Attested nodes, with state and reasons.", NodeCommands.all(sockets));
    group(line, "entry", "Registration entries.", EntryCommands.all(sockets));
    group(line, "device", "Registered location sensors.", DeviceCommands.all(sockets));
    group(line, "bundle", "The trust domain's authorities.", BundleCommands.all(sockets));
    group(line, "token", "Join tokens.", TokenCommands.all(sockets));
    group(
        line, "svid", "Identities: asked for as a workload, and shown.", SvidCommands.all(sockets));
    group(line, "tpm", "The TPM of this machine.", TpmCommands.all(sockets));
    group(line, "audit", "The log of what was decided.", AuditCommands.all(sockets));
    line.addSubcommand("backup", BackupCommand.make(sockets));
    line.addSubcommand("restore", new BackupCommand.RestoreCommand(sockets));
    group(line, "flow", "What flows did, step by step.", FlowCommands.all(sockets));
    line.addSubcommand("bench", new BenchCommand());
    return line;
  }

  /** Adds a verb that only holds others. */
  private static void group(
      CommandLine parent, String name, String description, Map<String, ?> verbs) {
    parent.addSubcommand(name, group(description, verbs));
  }

  /** A verb that only holds others. */
  public static CommandLine group(String description, Map<String, ?> verbs) {
    CommandLine group = new CommandLine(new Group());
    group.getCommandSpec().usageMessage().description(description);
    verbs.forEach(group::addSubcommand);
    return group;
  }

  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "a verb is missing");
  }

  @Command(mixinStandardHelpOptions = true)
  private static final class Group implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Override
    public Integer call() {
      throw new ParameterException(spec.commandLine(), "a verb is missing");
    }
  }

  /** The jar's version. */
  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = SeraiCommand.class.getPackage().getImplementationVersion();
      return new String[] {"serai " + (version == null ? "(from classes)" : version)};
    }
  }
}
